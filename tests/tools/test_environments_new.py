# SPDX-License-Identifier: Apache-2.0
"""`make new-environment`: a file that explains itself, and commands that can be pasted."""

import json
import re
import shlex
import shutil
import string
import subprocess
import tomllib

import pytest
from pydantic import BaseModel

from infra.config import settings
from infra.config.base import keys_of
from infra.config.settings import Settings
from tests.conftest import ROOT
from tools.first_deployment import EXECUTION_POLICIES
from tools.new_environment import TEMPLATE, main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the project's environments."""
    for file in settings.ENVIRONMENTS.glob("*.toml"):
        shutil.copy(file, tmp_path)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    return tmp_path


def make(name="west", account="444444444444", region="us-west-2", **more):
    email = "ops@example.com"
    given = {"name": name, "account": account, "region": region, "email": email, **more}
    return main([part for key, value in given.items() for part in (f"--{key}", value)])


def keys(model, prefix=""):
    for name, field in keys_of(model).items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_template_has_every_key_and_nothing_else():
    text = TEMPLATE.read_text().replace("$boundary", '# permissions_boundary = "x"')
    text = text.replace("$email", '# alert_email = "x"')
    # Defaults that are shown behind a # count as keys.
    shown = re.sub(r'^# (\w+ = |\[|"\w+" = )', r"\1", text, flags=re.MULTILINE)
    document = tomllib.loads(string.Template(shown).safe_substitute(account="1" * 12))
    tables = {"tags", "bins.classes"}
    written = {
        f"{section}.{key}" if isinstance(body, dict) and section not in tables else section
        for section, body in document.items()
        for key in (body if isinstance(body, dict) else [section])
    }
    assert written == set(keys(Settings))
    assert all(f"# {key.rpartition('.')[2]}" not in text for key in ("account", "region"))


def test_a_new_environment_can_be_used(folder, capsys):
    assert make(boundary="org-limit", approval="automatic", removal="destroy") == 0
    said = capsys.readouterr().out
    one = settings.load("west")
    assert (one.account, one.region, one.prefix) == ("444444444444", "us-west-2", "binsight-west")
    assert (one.removal, one.training.approval) == ("destroy", "automatic")
    assert (one.permissions_boundary, one.camera.topic_prefix) == ("org-limit", "binsight-west")
    assert one.tags == {"project": "binsight", "environment": "west"}
    commands = [line for line in said.replace("\\\n", "").splitlines() if line[:1] not in ("#", "")]
    policy = "arn:aws:iam::444444444444:policy/binsight-cloudformation"
    first, second = EXECUTION_POLICIES.values()
    assert [shlex.split(command) for command in commands[1:]] == [
        ["aws", "iam", "create-policy", "--policy-name", "binsight-cloudformation",
         "--policy-document", f"file://{first}"],
        ["aws", "iam", "create-policy", "--policy-name", "binsight-cloudformation-services",
         "--policy-document", f"file://{second}"],
        [".venv/bin/cdk", "bootstrap", "aws://444444444444/us-west-2", "-c", "environment=west",
         "--cloudformation-execution-policies", f"{policy},{policy}-services",
         "--custom-permissions-boundary", "org-limit",
         "--tags", "project=binsight", "--tags", "environment=west"],
        ["make", "diff", "ENV=west"],
        ["make", "deploy", "ENV=west"],
    ]  # fmt: skip


def test_careful_defaults(folder):
    assert make() == 0
    one = settings.load("west")
    assert (one.removal, one.training.approval) == ("retain", "manual")
    assert one.permissions_boundary is None


def test_the_defaults_that_the_file_shows_are_the_defaults(folder):
    assert make() == 0
    written = settings.load("west").model_dump()
    own = Settings(account="1" * 12, region="us-west-2", prefix="binsight-x", removal="retain")
    for section in ("data", "training", "rollout", "insights"):
        expected = own.model_dump()[section]
        if section == "insights":
            expected["alert_email"] = "ops@example.com"
        assert written[section] == expected


def test_a_neighbour_needs_no_second_bootstrap(folder, capsys):
    assert make(name="dev-two", account="111111111111", region="us-east-1") == 0
    said = capsys.readouterr().out
    assert "Nothing to bootstrap: 111111111111, us-east-1 is shared with dev" in said
    assert "cdk bootstrap aws" not in said
    assert "create-policy" not in said


def test_another_prefix_gets_its_own_policy_beside_the_neighbours(folder, capsys, tmp_path):
    assert make(name="acme", account="111111111111", region="us-east-1", prefix="acme-bins") == 0
    said = capsys.readouterr().out
    arn = "arn:aws:iam::111111111111:policy"
    for begin in ("acme-bins", "binsight"):
        assert f"{arn}/{begin}-cloudformation,{arn}/{begin}-cloudformation-services" in said
    copies = [line for line in said.splitlines() if line.startswith("mkdir")]
    assert len(copies) == len(EXECUTION_POLICIES)
    for copy, end in zip(copies, EXECUTION_POLICIES, strict=True):
        out = copy.replace("cdk.out", shlex.quote(str(tmp_path / "out")))
        subprocess.run(["bash", "-euc", out], check=True)
        text = (tmp_path / "out" / f"acme-bins-{end}.json").read_text()
        assert json.loads(text)["Version"] == "2012-10-17"
        assert "acme-bins-" in text
        assert "binsight-" not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "dev"}, "dev.toml exists; choose another NAME"),
        ({"name": ""}, "NAME='': allowed: 1 to 15 of a-z"),
        ({"name": "../west"}, "NAME='../west': allowed"),
        ({"account": "4444"}, "west.toml: account = '4444': allowed: 12 digits"),
        ({"region": "mars-1"}, "west.toml: region = 'mars-1': allowed: one of ap-northeast-1"),
        ({"removal": "burn"}, "west.toml: removal = 'burn': allowed: one of 'destroy', 'retain'"),
        ({"email": ""}, "EMAIL='': allowed: the address that receives alerts"),
        ({"email": "nobody"}, "insights.alert_email = 'nobody': allowed: an e-mail address"),
        ({"approval": "never"}, "training.approval = 'never'"),
        ({"prefix": "West!"}, "west.toml: prefix = 'West!': allowed: 3 to 24 of a-z"),
        ({"boundary": 'a"b'}, "an argument has a quote or a line break"),
        (
            {"account": "111111111111", "region": "us-east-1", "prefix": "binsight-dev"},
            "both have prefix = 'binsight-dev' in account 111111111111, us-east-1",
        ),
    ],
)
def test_what_makes_no_environment_is_said_and_nothing_is_written(folder, capsys, given, said):
    before = sorted(folder.iterdir())
    assert make(**given) == 2
    assert said in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "document",
    [ROOT / "docs/how-to/add-an-environment.md", ROOT / "docs/tutorials/your-own-city.md"],
)
def test_the_documented_command_can_be_pasted(folder, document):
    [line] = re.findall(r"^ *make new-environment (.*)$", document.read_text(), re.MULTILINE)
    given = dict(part.split("=", 1) for part in shlex.split(line))
    assert make(**{"email": "", **{key.lower(): value for key, value in given.items()}}) == 0
    assert (folder / f"{given['NAME']}.toml").exists()
