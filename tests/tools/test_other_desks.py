# SPDX-License-Identifier: Apache-2.0
"""What people's desks bring: spaces in paths, byte order marks, checkouts of another user."""

import codecs
import os
import re
import shutil
import subprocess

import pytest

from contracts.bins import read_policy
from infra.assets import definitions
from infra.config import settings
from infra.config.errors import SettingsError
from template_review.config import load, prefix_of
from template_review.errors import ReviewError
from template_review.synthesis.tree import resolve
from tests.conftest import ROOT
from tools import upgrade
from tools.breaking import BreakingError, declarations
from tools.camera_list import read_cameras

ENVIRONMENT = (
    'account = "111111111111"\r\nregion = "us-east-1"\r\nprefix = "binsight-test"\r\n'
    'removal = "destroy"\r\n[camera]\r\npackaging = "generic"\r\n[bins]\r\ndefault = "compost"\r\n'
)
TARGETS = sorted(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
GIVEN = [f"{name}=x" for name in ("DATASET", "MODEL", "PHOTOS", "OUT", "SOURCE", "FROM", "TO")]
OF_NO_ENVIRONMENT = {"help", "lint", "test", "sdk", "install", "lock"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "environments").mkdir()
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path / "environments"))
    return tmp_path / "environments"


def make(clone, *arguments, **environment):
    """What make calls in a copy of the Makefile; each argument is shown between < and >."""
    (clone / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", clone)
    (clone / "tools").mkdir()
    for name in ("choose_python.sh", "used_values.awk"):
        shutil.copy(ROOT / "tools" / name, clone / "tools")
    for name in ("python", "cdk", "mkdocs"):
        program = clone / ".venv" / "bin" / name
        program.write_text('#!/bin/sh\nprintf "stand-in: "; printf "<%s>" "$@"; echo\n')
        program.chmod(0o755)
    # The make that runs these tests gives its own values on.
    own = {*values_of_make(), "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS"}
    around = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        ["make", "-s", *arguments],
        cwd=clone,
        env={**around, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("target", sorted(set(TARGETS) - OF_NO_ENVIRONMENT))
def test_make_works_in_a_folder_with_a_space(tmp_path, target):
    done = make(tmp_path / "My Projects (1)" / "binsight", target, *GIVEN)
    assert done.returncode == 0, done.stderr
    assert "stand-in:" in done.stdout


ODD = [
    "pa$word",
    "pa$$word",
    "pa`touch x`ss",
    "$(touch x)",
    'pa"ss',
    "it's",
    "a\\b",
    "a#b",
    "${",
    "a  b",
]


@pytest.mark.parametrize("value", ODD)
def test_make_reads_nothing_into_what_people_pass(tmp_path, value):
    uri = f"rtsp://u:{value}@h/x"
    done = make(tmp_path / "given", "camera", f"SOURCE={uri}", f"MODEL={value}", "PYTHON=true")
    assert done.returncode == 0, done.stderr
    assert f"<--source><{uri}><--model><{value}>" in done.stdout
    make(tmp_path / "shell", "camera", "PYTHON=true", f"MODEL={value}", SOURCE=uri, NAME=value)
    assert not list(tmp_path.glob("*/x"))


def values_of_make():
    """All names of values that the Makefile takes."""
    text = (ROOT / "Makefile").read_text()
    lists = re.findall(r"^(?:GIVEN|FLAGS) := ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert len(lists) == 2
    return [name for names in lists for name in re.findall(r"[A-Z_]+", names)]


STOPS = {"DRY", "MODEL"}
"""Without what these say, a command could do more than somebody meant."""


@pytest.mark.parametrize("target", sorted(set(TARGETS) - OF_NO_ENVIRONMENT))
def test_make_takes_no_values_of_the_shell(tmp_path, target):
    """A PORT, PREFIX or NAME there means something else; ENV may be a file that sh reads."""
    shell = dict.fromkeys(set(values_of_make()) - STOPS, "of-shell")
    done = make(tmp_path / "with", target, *GIVEN, "TESTS=x", "DRY=", **shell)
    assert done.returncode == 0, done.stderr
    assert "of-shell" not in done.stdout + done.stderr
    without = make(tmp_path / "without", target, *GIVEN, "TESTS=x", "DRY=")
    assert done.stdout == without.stdout.replace("/without/", "/with/")


def test_make_says_which_values_of_the_shell_the_target_would_have_used(tmp_path):
    done = make(tmp_path / "one", "rehearse", PORT="3000", KEEP="1", NAME="host", EMAIL="a@b.c")
    assert "set in your shell, and not used: PORT KEEP; values stand after make" in done.stderr
    assert "<--port><4566>" in done.stdout
    done = make(tmp_path / "two", "rehearse", "PORT=3000", PORT="4000", NAME="host")
    assert done.stderr == ""
    assert "<--port><3000>" in done.stdout


def test_make_stops_where_a_value_of_the_shell_could_have_been_meant(tmp_path, folder):
    (folder / "west.toml").write_text("")
    for number, (name, value, goal) in enumerate(
        (("DRY", "1", "cameras"), ("MODEL", "3", "rollout"), ("ENV", "west", "destroy"))
    ):
        clone = tmp_path / str(number)
        done = make(clone, goal, **{name: value})
        assert (done.returncode, done.stdout) == (2, "")
        assert f"no values from: {name}; write make {goal} {name}=…, or unset it" in done.stderr
        shutil.rmtree(clone)
        assert make(clone, goal, f"{name}={value}", **{name: value}).returncode == 0


def test_every_recipe_takes_what_people_pass_from_the_environment():
    text = (ROOT / "Makefile").read_text()
    recipes = "\n".join(line for line in text.splitlines() if line.startswith("\t"))
    of_the_project = {"BIN", "CDK", "CURDIR", "INSTALL", "SETTINGS", "MAKEFILE_LIST"}
    lists = {"ENVIRONMENTS", "PICTURES", "TESTS", "FAST_TESTS", "FAST_WITHOUT"}
    found = set(re.findall(r"(?<!if )\$\(([A-Z_]+)\)", recipes))
    assert found <= of_the_project | lists
    assert set(re.findall(r"\$\(if \$\(([A-Z_]+)\)", recipes)) <= set(values_of_make())
    listed = re.search(r"^GIVEN := ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert listed
    assert set(re.findall(r"\$\$\{([A-Z_]+)", text)) - {"NAME"} <= set(listed[1].split())


def test_a_byte_order_mark_is_read_past_everywhere(folder, tmp_path):
    text = codecs.BOM_UTF8 + ENVIRONMENT.encode()
    (folder / "test.toml").write_bytes(text)
    assert settings.load("test").account == "111111111111"
    assert read_policy(str(folder / "test.toml")).default == "compost"
    assert prefix_of(load(ROOT), tmp_path, "test") == "binsight-test"
    assert definitions.INFERENCE_AARCH64 in definitions.needed_bundles()
    declared = tmp_path / "breaking"
    declared.mkdir()
    (declared / "0001-a.md").write_bytes(codecs.BOM_UTF8 + b'+++\nafter = "1.0.0"\n+++\n')
    with pytest.raises(BreakingError, match=r"no .*change"):  # what stands before it was read
        declarations(declared)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_of_cameras_is_read_as_spreadsheets_save_it(tmp_path, encoding):
    (tmp_path / "cameras.csv").write_bytes("serial,site\r\nA-1,Hall\r\n".encode(encoding))
    (found,) = read_cameras(tmp_path / "cameras.csv")
    assert (found.serial, found.site) == ("A-1", "Hall")


def test_another_encoding_is_named(folder):
    (folder / "test.toml").write_bytes(ENVIRONMENT.encode("utf-16"))
    with pytest.raises(SettingsError, match=r"test\.toml: not UTF-8 .*; save it as UTF-8"):
        settings.load("test")
    with pytest.raises(ValueError, match=r"test\.toml: not UTF-8 .*; save it as UTF-8"):
        read_policy(str(folder / "test.toml"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account", "\N{ARABIC-INDIC DIGIT ONE}" * 12),
        ("account", "\N{FULLWIDTH DIGIT ONE}" * 12),
        ("permissions_boundary", "Gränze"),
    ],
)
def test_letters_and_digits_of_other_scripts_are_refused(folder, key, value):
    text = ENVIRONMENT.replace('account = "111111111111"', "")
    account = "" if key == "account" else 'account = "111111111111"\n'
    (folder / "test.toml").write_text(f'{account}{key} = "{value}"\n{text}', encoding="utf-8")
    with pytest.raises(SettingsError, match=f"{key} = "):
        settings.load("test")


@pytest.mark.parametrize("ask", [lambda: resolve("HEAD", ROOT), lambda: upgrade.has(ROOT, "HEAD")])
def test_a_checkout_of_another_user_is_told_with_the_command(monkeypatch, ask):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(ReviewError, match=r"git config --global --add safe\.directory /"):
        ask()


def test_an_address_in_a_settings_file_tells_no_password(folder):
    text = ENVIRONMENT.replace("[camera]", '[camera]\r\nsource = "rtmp://admin:Zq7@10.0.0.5/v"')
    (folder / "test.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"camera\.source = \.\.\.: allowed: .*rtsp:") as told:
        settings.load("test")
    assert "Zq7" not in str(told.value)
