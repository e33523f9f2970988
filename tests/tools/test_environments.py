# SPDX-License-Identifier: Apache-2.0
"""`make environments`: the table, what it costs, and environments in each other's way."""

import json
import re
import shutil
from dataclasses import replace

import pytest

from infra.checks.environments import collisions, require_distinct
from infra.config import settings
from infra.config.regions import REGIONS
from tools import check_settings
from tools.environment_cost import SNAPSHOTS, monthly_cost, project_of
from tools.environments import main, row
from tools.template_review_plugin import PROJECT, use


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
    assert any(line.startswith("for 10 cameras") for line in lines)


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
    assert sorted(PROJECT.prices.region_factor) == sorted(REGIONS)


@pytest.mark.parametrize("name", settings.names())
def test_the_review_and_the_list_of_environments_estimate_alike(name):
    amounts = monthly_cost(name, settings.load(name), PROJECT)
    summary = (SNAPSHOTS / name / "SUMMARY.md").read_text(encoding="utf-8")
    said = re.findall(r"^  - (.+): \$([\d.]+)$", summary, re.MULTILINE)
    assert amounts == {label: float(amount) for label, amount in said}
    [line] = [line for line in summary.splitlines() if "a month at" in line]
    assert f"at {PROJECT.prices.words} for {PROJECT.use.words}" in line


def test_costs_follow_what_drives_them():
    dev = settings.load("dev")
    few, many = (monthly_cost("dev", dev, project_of(dev, cameras)) for cameras in (10, 100))
    assert many["Greengrass devices"] == pytest.approx(10 * few["Greengrass devices"])
    assert many["SageMaker training"] == few["SageMaker training"]
    assert row("dev", dev, 10)["usd_per_month"] == pytest.approx(sum(few.values()), abs=0.01)
    idle = monthly_cost("dev", dev, replace(PROJECT, use=use(cameras=0, idle=True)))
    # The README's promise: at rest a few dollars, a camera well under one.
    assert 4 < sum(idle.values()) < 8
    assert 0.2 < (sum(many.values()) - sum(few.values())) / 90 < 0.6
    chatty = dev.model_copy(
        update={"camera": dev.camera.model_copy(update={"telemetry_seconds": 5})}
    )
    assert project_of(chatty, 10).use.millions() > 5 * project_of(dev, 10).use.millions() / 2


def test_an_environment_without_snapshots_has_no_cost_yet(folder, capsys):
    changed(folder, "copy", "binsight-dev", "binsight-two")
    assert main([]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("copy")]
    assert line.split()[-1] == "-"


def test_every_amount_is_shown_with_its_date(capsys):
    assert main([]) == 0
    assert f"list prices of {PROJECT.prices.as_of}" in capsys.readouterr().out
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prices"]["as_of"] == PROJECT.prices.as_of


def test_a_typo_is_told_before_the_cdk_starts(folder, capsys):
    assert check_settings.main(["dev", "prod"]) == 0
    changed(folder, "dev", "bake_minutes", "bake_minuets")
    assert check_settings.main(["dev"]) == 1
    told = capsys.readouterr().err
    assert "dev.toml" in told
    assert "bake_minuets" in told
    assert "bake_minutes" in told
