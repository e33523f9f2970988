# SPDX-License-Identifier: Apache-2.0
"""`make environments`: the table, what it costs, and environments in each other's way."""

import json
import shutil

import pytest

from infra.checks.environments import collisions, require_distinct
from infra.config import settings
from infra.config.regions import REGIONS
from tools import check_settings
from tools.environment_cost import REGION_FACTORS, monthly_cost
from tools.environments import main, row
from tools.review.cost import Use


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the project's environments that a test may spoil."""
    for file in settings.ENVIRONMENTS.glob("*.toml"):
        shutil.copy(file, tmp_path)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    return tmp_path


def changed(folder, name, old, new, *, source="dev"):
    text = (folder / f"{source}.toml").read_text()
    assert old in text
    (folder / f"{name}.toml").write_text(text.replace(old, new))


def test_the_projects_own_environments_are_listed(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["environment", "account", "region"]
    listed = {line.split()[0]: line for line in lines[1 : 1 + len(settings.names())]}
    assert sorted(listed) == settings.names()
    for name in settings.names():
        one = settings.load(name)
        for value in (one.account, one.region, one.prefix, one.removal, one.training.approval):
            assert value in listed[name]
    assert "for 10 cameras" in lines[-2]


def test_programs_get_json(capsys):
    assert main(["--json", "--cameras", "0"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["faults"] == []
    assert [one["name"] for one in document["environments"]] == settings.names()


def test_a_broken_file_is_said_and_the_others_are_listed(folder, capsys):
    changed(folder, "staging", 'removal = "destroy"', 'removal = "burn"')
    assert main([]) == 1
    said = capsys.readouterr()
    assert "prod" in said.out
    assert "staging.toml: removal = 'burn': allowed: one of 'destroy', 'retain'" in said.err


def test_two_environments_in_one_place_are_said_with_both_files(folder, capsys):
    changed(folder, "copy", "epochs", "epochs")
    assert main([]) == 1
    said = capsys.readouterr().err
    for key in ("prefix", "camera.topic_prefix"):
        assert f"{folder}/copy.toml and {folder}/dev.toml: both have {key} = 'binsight-dev'" in said
    with pytest.raises(settings.SettingsError, match=r"copy\.toml and .*dev\.toml: both have"):
        require_distinct("dev")
    assert require_distinct("prod").prefix == "binsight-prod"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('account = "111111111111"', 'account = "999999999999"'),
        ('region = "us-east-1"', 'region = "eu-west-1"'),
        ("binsight-dev", "binsight-two"),
    ],
)
def test_a_copy_elsewhere_or_under_another_name_is_welcome(folder, old, new):
    changed(folder, "copy", old, new)
    environments = {name: settings.load(name) for name in settings.names()}
    assert list(collisions(environments)) == []


def test_a_spoilt_neighbour_does_not_stop_an_environment(folder):
    (folder / "staging.toml").write_text("nonsense")
    assert require_distinct("dev").prefix == "binsight-dev"


def test_no_environment_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    assert main([]) == 1
    assert "no environment file here" in capsys.readouterr().err


def test_every_region_has_a_price():
    assert sorted(REGION_FACTORS) == sorted(REGIONS)


def test_costs_follow_what_drives_them():
    dev = settings.load("dev")
    few, many = (monthly_cost(dev, Use(cameras=cameras)) for cameras in (10, 100))
    assert many.cameras == pytest.approx(10 * few.cameras)
    assert many.training == few.training
    assert row("dev", dev, Use())["usd_per_month"] == pytest.approx(few.total, abs=0.01)
    idle = monthly_cost(dev, Use(cameras=0, trainings=0, stored_gb=0))
    assert (idle.cameras, idle.training) == (0, 0)
    # The README's promise: at rest a few dollars, a camera well under one.
    assert 4 < idle.total < 6
    assert 0.2 < few.cameras / 10 < 0.6
    dear = dev.model_copy(
        update={"training": dev.training.model_copy(update={"instance_type": "ml.p5.48xlarge"})}
    )
    assert monthly_cost(dear, Use()).training > few.training


def test_a_typo_is_told_before_the_cdk_starts(folder, capsys):
    assert check_settings.main(["dev", "prod"]) == 0
    changed(folder, "dev", "bake_minutes", "bake_minuets")
    assert check_settings.main(["dev"]) == 1
    told = capsys.readouterr().err
    assert "dev.toml" in told
    assert "bake_minuets" in told
    assert "bake_minutes" in told
