# SPDX-License-Identifier: Apache-2.0
"""The environment files of `make rehearse PROMOTE=1`, for each environment that there is."""

import pytest

from infra.config.exchange import exchange_of
from infra.config.settings import load
from rehearsal.errors import RehearsalError
from rehearsal.taking import HEARS, IS_TOLD, environments_that_take, moved, taking
from tests.city.munich import CITY
from tests.conftest import ROOT


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_two_other_accounts_take_the_models(name, tmp_path, monkeypatch):
    folder = tmp_path / "environments"
    environments_that_take(ROOT / "environments" / f"{name}.toml", folder)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(folder))
    takers = [load(HEARS), load(IS_TOLD)]
    assert [one.training.source for one in takers] == [name, name]
    assert [one.training.approval for one in takers] == ["manual", "automatic"]
    assert len({one.account for one in (load(name), *takers)}) == 3
    assert exchange_of(name).receivers == {HEARS: takers[0], IS_TOLD: takers[1]}
    assert load(name).bins == takers[0].bins == takers[1].bins


def test_a_file_that_cannot_be_changed_so_is_refused():
    with pytest.raises(RehearsalError, match=r"no \[training\] before another section"):
        taking(CITY, "dev", "manual")
    with pytest.raises(RehearsalError, match="has account on 0 lines"):
        moved("[bins]\n", account="666666666666", region="eu-west-1")
