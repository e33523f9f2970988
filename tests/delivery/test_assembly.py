# SPDX-License-Identifier: Apache-2.0
"""The one build of a release: its digest, and where each environment in it goes."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from infra.config import settings
from tools.assembly import main

ROOT = Path(__file__).resolve().parents[2]


def fake_build(app, name):
    """A stack that deploys nothing much, where the environment's settings say."""
    one = settings.load(name)
    place = cdk.Environment(account=one.account, region=one.region)
    sns.CfnTopic(cdk.Stack(app, "Insights", env=place, stack_name=one.prefix), "Topic")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An assembly of all environments, as a small app makes it, and its digest."""
    folder = tmp_path_factory.mktemp("release") / "assembly"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "app", SimpleNamespace(build=fake_build))
        assert main(["build", str(folder)]) == 0
    return folder


@pytest.fixture
def copy(built, tmp_path):
    return Path(shutil.copytree(built, tmp_path / "assembly"))


def digest_of(folder, capsys):
    main(["check", str(folder), "?"])
    return capsys.readouterr().err.split("has digest ")[1][:64]


def test_every_environment_is_in_it_and_knows_its_place(built, capsys):
    assert sorted(path.name for path in built.iterdir()) == settings.names()
    for name in settings.names():
        one = settings.load(name)
        assert main(["where", str(built), name]) == 0
        assert capsys.readouterr().out == f"account={one.account}\nregion={one.region}\n"


def test_it_is_checked_by_content(copy, capsys):
    digest = digest_of(copy, capsys)
    assert main(["check", str(copy), digest]) == 0
    template = next(copy.rglob("Insights.template.json"))
    template.write_text(template.read_text() + " ")
    assert main(["check", str(copy), digest]) == 1
    assert f"the build had {digest}: do not deploy it" in capsys.readouterr().err


def test_a_file_more_or_another_name_counts_too(copy, capsys):
    digest = digest_of(copy, capsys)
    (copy / "dev" / "more").touch()
    assert main(["check", str(copy), digest]) == 1
    (copy / "dev" / "more").unlink()
    (copy / "dev").rename(copy / "dew")
    assert main(["check", str(copy), digest]) == 1


def test_an_unknown_environment_is_said(built, capsys):
    assert main(["where", str(built), "nowhere"]) == 1
    assert f"'nowhere': not in {built}; there: dev, prod, staging" in capsys.readouterr().err


def test_a_used_folder_is_not_built_into(built, capsys):
    assert main(["build", str(built)]) == 1
    assert "is not empty; name a new folder" in capsys.readouterr().err


def test_the_cdk_deploys_it_without_the_project(built):
    command = [ROOT / ".venv" / "bin" / "cdk", "list", "--app", "prod", "--no-notices"]
    done = subprocess.run(command, cwd=built, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Insights", "(binsight-prod)"]
