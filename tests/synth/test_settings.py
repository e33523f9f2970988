# SPDX-License-Identifier: Apache-2.0
"""Environment files: what is right is taken as it is, what is wrong is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config import settings
from infra.config.errors import SettingsError
from infra.config.regions import REGIONS, training_image

MINIMAL = """
account = "111111111111"
region = "us-east-1"
prefix = "binsight-test"
removal = "destroy"
"""
BASE = {
    "account": "111111111111",
    "region": "us-east-1",
    "prefix": "binsight-test",
    "removal": "destroy",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    return tmp_path


def problem(folder: Path, text: str) -> str:
    """The message about an environment file with this text."""
    (folder / "test.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings.load("test")
    return str(caught.value)


@pytest.mark.parametrize("name", settings.names())
def test_the_shipped_files_are_right(name: str) -> None:
    environment = settings.load(name)
    assert environment.prefix == f"binsight-{name}"
    assert environment.tags["environment"] == name
    assert environment.bins.policy().bin_for("glass", 0.99) == "recycling"


def test_shipped_environments_do_not_share_an_account_a_prefix_or_topics() -> None:
    loaded = [settings.load(name) for name in settings.names()]
    for values in (
        [environment.account for environment in loaded],
        [environment.prefix for environment in loaded],
        [environment.camera.topic_prefix for environment in loaded],
    ):
        assert len(set(values)) == len(loaded)


def test_everything_but_four_keys_has_a_default(folder: Path) -> None:
    (folder / "test.toml").write_text(MINIMAL, encoding="utf-8")
    environment = settings.load("test")
    assert environment.training.approval == "manual"
    assert environment.insights.alert_email is None


def test_settings_cannot_be_changed(folder: Path) -> None:
    (folder / "test.toml").write_text(MINIMAL, encoding="utf-8")
    with pytest.raises(ValueError, match="frozen"):
        settings.load("test").account = "222222222222"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('acount = "1"', ["unknown key 'acount'", "did you mean 'account'?", "allowed: account"]),
        ("[training]\nepoch = 3", ["unknown key 'training.epoch'", "did you mean 'epochs'?"]),
        ("[bins]\ndefault = 'bin'", ["bins.default = 'bin'", "landfill, compost, recycling"]),
        ("[bins]\nunsure_below = 1.5", ["bins.unsure_below = 1.5", "less than or equal to 1"]),
        ("[bins.classes]\nglass = 'glas'", ["bins.classes.glass = 'glas'", "recycling"]),
        ("[training]\nepochs = 'ten'", ["training.epochs = 'ten'", "integer"]),
        ("[training]\nepochs = 0", ["training.epochs = 0", "greater than or equal to 1"]),
        ("[training]\nminimum_accuracy = -0.1", ["training.minimum_accuracy = -0.1"]),
        ("[training]\napproval = 'yes'", ["training.approval = 'yes'", "'automatic', 'manual'"]),
        ("[training]\nschedule = 'daily'", ["training.schedule = 'daily'", "cron("]),
        ("[training]\ninstance_type = 'm5'", ["training.instance_type = 'm5'", "ml.m5.xlarge"]),
        (
            "[training]\ninstance_type = 'ml.p3.2xlarge'",
            ["training.instance_type = 'ml.p3.2xlarge'", "V100", "g4dn"],
        ),
        (
            "[training]\nprocessing_instance_type = 'ml.g5.xlarge'",
            ["training.processing_instance_type = 'ml.g5.xlarge'", "without a GPU", "m5"],
        ),
        (
            "[training]\ninstance_count = 3",
            ["training.instance_count = 3", "1, 2, 4, 8, 16 with ml.m5.xlarge", "the 32 photos"],
        ),
        (
            "[training]\ninstance_type = 'ml.g5.12xlarge'\ninstance_count = 8",
            ["training.instance_count = 8", "1, 2, 4 with ml.g5.12xlarge (4 processes each)"],
        ),
        ("[camera]\ntopic_prefix = '$aws'", ["camera.topic_prefix = '$aws'", "reserved"]),
        ("[camera]\nsource = 'webcam'", ["camera.source = 'webcam'", "v4l2:"]),
        ("[camera]\nmodel_folder = 'models'", ["camera.model_folder = 'models'", "absolute"]),
        ("[data]\nlog_days = 31", ["data.log_days = 31", "30, 60"]),
        ("[insights]\nalert_email = 'me'", ["insights.alert_email = 'me'", "e-mail"]),
        ("permissions_boundary = 'a b'", ["permissions_boundary = 'a b'", "managed policy"]),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(folder: Path, line: str, parts: list[str]) -> None:
    message = problem(folder, f"{MINIMAL}{line}\n")
    assert len(message.splitlines()) == 1
    for part in [str(folder / "test.toml"), *parts]:
        assert part in message


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("account", "12345", "12 digits"),
        ("account", "11111111111a", "12 digits"),
        ("region", "eu-nowhere-1", "us-east-1"),
        ("prefix", "Binsight", "3 to 24"),
        ("prefix", "b-", "3 to 24"),
        ("removal", "maybe", "'destroy', 'retain'"),
    ],
)
def test_a_wrong_basic_value_is_named(folder: Path, key: str, value: str, allowed: str) -> None:
    lines = [f'{name} = "{value if name == key else good}"' for name, good in BASE.items()]
    message = problem(folder, "\n".join(lines))
    assert f"{key} = {value!r}" in message
    assert allowed in message


def test_all_mistakes_are_reported_at_once(folder: Path) -> None:
    message = problem(folder, 'account = "1"\nregion = "x"\n[training]\nepochs = 0\n')
    assert len(message.splitlines()) == 5  # three wrong values, two missing keys
    assert "prefix is missing" in message


def test_a_file_that_is_not_toml_is_named(folder: Path) -> None:
    assert "not TOML" in problem(folder, "account = ")


@pytest.mark.parametrize("name", ["nowhere", "../dev", ""])
def test_an_unknown_environment_names_those_there_are(folder: Path, name: str) -> None:
    (folder / "here.toml").write_text(MINIMAL, encoding="utf-8")
    with pytest.raises(SettingsError, match="there are: here"):
        settings.load(name)


@given(st.from_regex(r"[a-z][a-z0-9-]{1,22}[a-z0-9]", fullmatch=True))
def test_any_prefix_of_the_right_form_is_taken(prefix: str) -> None:
    assert settings.Settings.model_validate({**BASE, "prefix": prefix}).prefix == prefix


@given(st.floats())
def test_a_fraction_is_taken_if_and_only_if_it_is_between_0_and_1(value: float) -> None:
    document = {**BASE, "bins": {"unsure_below": value}}
    if 0 <= value <= 1:
        taken = settings.Settings.model_validate(document)
        assert taken.bins.policy().unsure_below == value
    else:
        with pytest.raises(ValueError, match="unsure_below"):
            settings.Settings.model_validate(document)


@given(st.text(max_size=20).filter(lambda text: text not in settings.Settings.model_fields))
def test_any_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="extra_forbidden"):
        settings.Settings.model_validate({**BASE, key: 1})


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_a_training_image(region: str) -> None:
    place = f"763104351884.dkr.ecr.{region}.amazonaws.com/pytorch"
    assert training_image(region) == f"{place}:2.13-cpu-amzn2023-sagemaker"
    assert training_image(region, gpu=True) == f"{place}:2.13-cu133-amzn2023-sagemaker"
