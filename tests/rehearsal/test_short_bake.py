# SPDX-License-Identifier: Apache-2.0
"""Environments as a rehearsal deploys them: all as in their files, but no bake."""

import pytest

from infra.config.settings import load, names
from rehearsal.short_bake import with_rollout, without_bake
from tests.conftest import ROOT


@pytest.fixture
def _real_environments(monkeypatch):
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(ROOT / "environments"))


@pytest.mark.usefixtures("_real_environments")
def test_every_environment_is_as_before_but_for_its_bake(tmp_path):
    before = {name: load(name) for name in names()}
    assert any(settings.rollout.bake_minutes for settings in before.values())
    for _ in range(2):
        without_bake(tmp_path)
        assert set(names()) == set(before)
        for name, settings in before.items():
            rollout = settings.rollout.model_copy(update={"bake_minutes": 0})
            assert load(name) == settings.model_copy(update={"rollout": rollout})


def test_a_file_without_a_section_gets_one():
    text = with_rollout('prefix = "x"\n[bins]\ndefault = "a"\n', {"bake_minutes": 0})
    assert text.endswith('default = "a"\n\n[rollout]\nbake_minutes = 0\n')
