# SPDX-License-Identifier: Apache-2.0
"""What [camera] allows, and what contradicts it elsewhere in the file."""

from pathlib import Path

import pytest

from infra.config import settings
from infra.config.settings import SettingsError

HEAD = """
account = "111111111111"
region = "us-east-1"
prefix = "binsight-test"
removal = "destroy"
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Loads an environment with these further lines."""
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))

    def read(lines: str) -> settings.Settings:
        (tmp_path / "test.toml").write_text(HEAD + lines, encoding="utf-8")
        return settings.load("test")

    return read


@pytest.mark.parametrize("page", ["off", "127.0.0.1:8080", "[::1]:80"])
def test_a_page_is_for_who_is_on_the_camera(load, page: str) -> None:
    assert load(f'[camera]\npage = "{page}"').camera.page == page


@pytest.mark.parametrize("page", ["0.0.0.0:80", "10.0.0.7:80", "localhost:80", "127.0.0.1", "on"])
def test_a_page_for_the_network_is_refused(load, page: str) -> None:
    with pytest.raises(SettingsError, match=r"camera.page = .*: allowed: off, or a loopback"):
        load(f'[camera]\npage = "{page}"')


@pytest.mark.parametrize(
    ("lines", "managed"),
    [
        ("", True),
        ('nucleus = "java"', True),
        ('packaging = "generic"', False),
        ('packaging = "generic"\nnucleus = "any"', False),
        ('packaging = "generic"\nnucleus = "java"', True),
    ],
)
def test_who_manages_the_nucleus(load, lines: str, *, managed: bool) -> None:
    assert load(f"[camera]\n{lines}").camera.manages_nucleus is managed


def test_a_lambda_component_needs_the_java_nucleus(load) -> None:
    with pytest.raises(SettingsError, match=r"camera\.nucleus = 'any': allowed: 'java'"):
        load('[camera]\nnucleus = "any"')


def test_a_bin_policy_must_fit_into_one_value_where_nucleus_lite_may_read_it(load) -> None:
    classes = "[bins.classes]\n" + "".join(f'material-{n} = "compost"\n' for n in range(60))
    assert load(f"{classes}").camera.packaging == "lambda"
    with pytest.raises(SettingsError, match=r"bins.classes: as JSON text \d+ characters: allowed"):
        load(f'{classes}[camera]\npackaging = "generic"')
