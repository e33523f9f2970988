# SPDX-License-Identifier: Apache-2.0
"""What [camera] allows, and what contradicts it elsewhere in the file."""

from pathlib import Path

import pytest

from camera.sources import SourceError, open_source
from contracts.source_uris import KINDS, SourceKind
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


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("v4l2:video0", "a path on the camera that begins with /, after v4l2:"),
        ("dir:photos", "a path on the camera that begins with /, after dir:"),
        ("v4l2:/dev/video0?size=1", "unknown option 'size': allowed are fps, height, width"),
        ("rtsp:cam/1", r"expected rtsp://"),
        ("rtsp://cam:99999/1", "a port from 1 to 65535"),
        ("rtsp://cam/1 ", "it ends with a blank"),
        ("/dev/video2", "write v4l2:/dev/video2"),
        ("0", "write v4l2:/dev/video0"),
        ("/photos", "write dir:/photos"),
        ("http://cam:0/snapshot.jpg", "expected http://"),
        ("rtsps://cam/1", "encrypted video is not read"),
        ("mjpeg://cam/1", "write http:"),
        ("dir:/a\\u0000b", "embedded null byte"),
        (" rtsp://cam/1", "without a space or quotation mark around it"),
    ],
)
def test_a_source_that_no_camera_would_open_is_refused(load, source: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"camera\.source = .*: allowed: .*{words}"):
        load(f'[camera]\nsource = "{source}"')


def test_a_refused_source_does_not_tell_its_password(load) -> None:
    with pytest.raises(SettingsError) as refused:
        load('[camera]\nsource = "httpx://admin:Zq7Kw9@cam/video"')
    assert "Zq7" not in str(refused.value)


def test_a_scheme_may_be_written_in_capitals(load) -> None:
    assert load('[camera]\nsource = "RTSP://cam/1#fps=5"').camera.source.startswith("RTSP:")


@pytest.mark.parametrize("folder", ["/var/../etc", "/./a", "models", "/a b"])
def test_a_model_folder_is_one_absolute_path(load, folder: str) -> None:
    with pytest.raises(SettingsError, match=r"camera\.model_folder = .*: allowed: an abs"):
        load(f'[camera]\nmodel_folder = "{folder}"')


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("v4l2:/dev/video0?fps=0", "option fps = '0': allowed are 1 to 240"),
        ("v4l2:/dev/video0?width=-1", "option width = '-1': allowed are 32 to 8192"),
        ("v4l2:/dev/video0?height=40.5", "option height = 40.5: not a whole number"),
        ("v4l2:/dev/video0?fps=", "option fps is missing"),
        ("dir:/photos?fps=abc", "option fps = 'abc': allowed are 0 to 1000"),
        ("dir:/photos?fps=nan", "option fps = 'nan': allowed are 0 to 1000"),
        ("dir:/photos?hold=0", "option hold = '0': allowed are 1 to 10000"),
        ("file:/clip?loop=yes", "option loop = 'yes': allowed are 0, 1"),
        ("awscam:0?fps=15", "'0': only options may follow awscam:, after ?"),
        ("awscam:?fps=1e9", "option fps = '1e9': allowed are 1 to 60"),
        ("rtsp://cam/1#transport=smoke", "option transport = 'smoke': allowed are tcp, udp"),
        ("http://cam/1#fps=0", "option fps = '0': allowed are 0.2 to 60"),
        ("https://cam/1#ca=cam.pem", "option ca = 'cam.pem': allowed is a path that begins with /"),
    ],
)
def test_an_option_that_the_camera_refuses_is_refused_with_its_sentence(
    load, options: str, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(f'[camera]\nsource = "{options}"')
    assert said in str(refused.value)
    with pytest.raises(SourceError) as by_camera:
        open_source(options)
    assert said in str(by_camera.value)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_camera_opens_what_the_settings_take_with_every_option_at_its_default(
    load, kind: SourceKind
) -> None:
    given = "&".join(f"{name}={option.default}" for name, option in kind.options.items())
    given = given.replace("ca=", "ca=/camera.pem")
    example = kind.example if kind.address else f"{kind.scheme}:"
    source = load(f'[camera]\nsource = "{example}{kind.mark}{given}"').camera.source
    opened = open_source(source)
    for name in kind.options:
        assert getattr(opened, name) is not None
