# SPDX-License-Identifier: Apache-2.0
"""Environment files as editors, spreadsheets and people in a hurry leave them."""

import os
import re
import subprocess
import sys
import typing
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from aws_cdk.aws_logs import RetentionDays

from contracts.bins import BinPolicy
from infra.common.log_group import _RETENTION
from infra.config import settings
from infra.config.data import LogDays
from infra.config.errors import SettingsError
from template_review.config import load, names
from tests.conftest import ROOT
from tests.synth.test_settings import MINIMAL, folder, problem  # noqa: F401 - a fixture
from tools.account import AccountError, session_for
from tools.new_environment import create
from training.dataset.listing import DatasetError
from training.dataset.sources import list_sources


@pytest.fixture
def directory(folder: Path) -> Path:  # noqa: F811
    (folder / "dev.toml").write_text(MINIMAL, encoding="utf-8")
    return folder


def test_what_an_editor_or_macos_puts_beside_a_file_is_no_environment(directory: Path) -> None:
    (directory / "._dev.toml").write_bytes(b"\0\x05\x16\x07")
    (directory / ".#dev.toml").symlink_to("someone@host.1:2")  # Emacs, while it is edited
    (directory / "old.toml").mkdir()
    assert settings.names() == ["dev"]
    assert names(replace(load(ROOT), environments="*.toml"), directory) == ["dev"]


def test_a_file_that_cannot_be_read_is_named(directory: Path) -> None:
    (directory / "prod.toml").symlink_to("nowhere")
    with pytest.raises(SettingsError, match=r"prod\.toml: cannot be read: No such file"):
        settings.load("prod")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"111111111111"', "012345678901", "begins with 0 needs quotes"),
        ('"111111111111"', "111111111111", "account = 111111111111: allowed: text in quotes"),
        ('"us-east-1"', "\u201cus-east-1\u201d", "typographic quotes"),
        (' = "us', '\u00a0= "us', "no-break space"),
        ("account", "x = " + "[" * 20_000 + "\naccount", "not TOML: "),
        ("account", "x = " + "9" * 5_000 + "\naccount", "not TOML: "),
        ("account", 'tags = ["a"]\naccount', r"tags = ['a']: allowed: a table"),
    ],
)
def test_what_is_often_the_cause_is_said(directory: Path, old: str, new: str, words: str) -> None:
    assert words in problem(directory, MINIMAL.replace(old, new, 1))


@pytest.mark.parametrize(
    "prefix", ["aws", "default", "primary", "xn--bins", "sthree-bins", "amzn-s3-demo-bins"]
)
def test_a_prefix_that_aws_keeps_for_itself_is_refused(directory: Path, prefix: str) -> None:
    assert f"prefix = {prefix!r}: allowed: " in problem(
        directory, MINIMAL.replace("binsight-test", prefix)
    )
    with pytest.raises(SettingsError, match=f"prefix = '{prefix}': allowed: "):
        create(
            name="mine",
            account="111111111111",
            region="us-east-1",
            prefix=prefix,
            removal="destroy",
            approval="manual",
            boundary="",
            email="",
        )
    assert not (directory / "mine.toml").exists()


@pytest.mark.parametrize(
    "email",
    [
        "a@b..org",
        ".a@b.org",
        "a..b@c.org",
        "a@-b.org",
        "a@b-.org",
        "mailto:a@b.org",
        "\u00e4@b.org",
        "a@b.org,c@d.org",
        f"{'a' * 65}@b.org",
        f"a@{'b' * 64}.org",
    ],
)
def test_what_is_no_address_for_mail_is_refused(directory: Path, email: str) -> None:
    text = f'{MINIMAL}[insights]\nalert_email = "{email}"\n'
    assert "insights.alert_email = " in problem(directory, text)


@pytest.mark.parametrize("email", ["o'hara+bins@ops.example.co.uk", "a@xn--mll-hoa.xn--p1ai"])
def test_rare_addresses_are_taken(directory: Path, email: str) -> None:
    text = f'{MINIMAL}[insights]\nalert_email = "{email}"\n'
    (directory / "dev.toml").write_text(text, encoding="utf-8")
    assert settings.load("dev").insights.alert_email == email


@pytest.mark.parametrize(
    ("one", "other"), [("Glass", "glass"), ("glass", " glass"), ("M\u00fcll", "Mu\u0308ll")]
)
def test_one_class_has_one_bin(directory: Path, one: str, other: str) -> None:
    text = f'{MINIMAL}[bins.classes]\n"{one}" = "landfill"\n"{other}" = "recycling"\n'
    assert "are one class" in problem(directory, text)
    with pytest.raises(ValueError, match="are one class"):
        BinPolicy({one: "landfill", other: "recycling"})
    same = BinPolicy({one: "compost", other: "compost"})
    assert same.bin_for(other, 0.9) == "compost"


def test_a_class_has_a_name(directory: Path) -> None:
    text = f'{MINIMAL}[bins.classes]\n" " = "landfill"\n'
    assert "allowed: a name for each class" in problem(directory, text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a/b", "'/' is not allowed; allowed: letters, digits"),
        ("glass*", "'*' is not allowed"),
        ("x" * 65, "65 characters; allowed: at most 64"),
        ("_background", "a name begins with a letter or digit"),
        ("glass.", "ends with neither a space nor a dot"),
        (".hidden", "make folders of this name"),
        ("__MACOSX", "make folders of this name"),
        ("Thumbs.db", "make folders of this name"),
        ("lost+found", "make folders of this name"),
    ],
)
def test_a_class_that_no_dataset_can_have_is_refused(
    directory: Path, tmp_path: Path, name: str, words: str
) -> None:
    said = problem(directory, f'{MINIMAL}[bins.classes]\n"{name}" = "landfill"\n')
    assert f"{name!r} is none: " in said
    assert words in said
    # Indeed: a dataset with such a folder has no such class.
    for folder_name in {*name.split("/")} | {"paper", "metal"}:
        (tmp_path / "photos" / folder_name).mkdir(parents=True)
        (tmp_path / "photos" / folder_name / "1.jpg").write_bytes(b"")
    try:
        classes = {source.class_name for source in list_sources(tmp_path / "photos")}
    except DatasetError:
        classes = set()
    assert name not in classes


@pytest.mark.parametrize("name", ["Café cups & lids", "glass (green) + 'clear'", "生ごみ", " a "])
def test_a_class_that_a_dataset_can_have_is_taken(directory: Path, name: str) -> None:
    (directory / "test.toml").write_text(
        f'{MINIMAL}[bins.classes]\n"{name}" = "landfill"\n', encoding="utf-8"
    )
    assert settings.load("test").bins.policy().bin_for(name, 0.9) == "landfill"


def test_log_days_are_those_of_cloudwatch_and_of_the_cdk() -> None:
    """By the SDK's model, which says them in words."""
    shape = botocore.session.get_session().get_service_model("logs").shape_for("Days")
    days = [int(day) for day in re.findall(r"\d+", shape.documentation.split("values are:")[1])]
    assert (
        list(typing.get_args(typing.get_args(LogDays)[0]))
        == sorted(_RETENTION)
        == days[: len(_RETENTION)]
    )
    assert set(_RETENTION.values()) == set(RetentionDays) - {RetentionDays.INFINITE}


@pytest.mark.parametrize(
    ("variable", "value"), [("AWS_MAX_ATTEMPTS", "many"), ("AWS_ENDPOINT_URL", "no address")]
)
def test_settings_of_aws_that_boto3_cannot_read_are_reported(
    directory: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(AccountError, match=f"the AWS settings of this machine .*{value}"):
        session_for(settings.load("dev"))


PROFILES = """
[profile expired]
credential_process = /bin/echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", \
"SessionToken": "c", "Expiration": "2020-01-01T00:00:00Z"}'
[profile code]
role_arn = arn:aws:iam::111111111111:role/x
source_profile = keys
mfa_serial = arn:aws:iam::111111111111:mfa/me
[profile keys]
aws_access_key_id = a
aws_secret_access_key = b
"""


@pytest.mark.parametrize(
    ("profile", "words"), [("expired", "still expired"), ("code", "asks for an MFA code")]
)
def test_a_profile_that_gives_no_credentials_is_reported(
    directory: Path, profile: str, words: str
) -> None:
    (directory / "config").write_text(PROFILES.replace("\\\n", ""), encoding="utf-8")
    program = (
        "from infra.config.settings import load\nfrom tools.account import session_for\n"
        f"session_for(load('dev'), profile={profile!r})"
    )
    own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    here = {"AWS_CONFIG_FILE": str(directory / "config"), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**own, **here, "AWS_EC2_METADATA_DISABLED": "true"},
        stdin=subprocess.DEVNULL,
        # Without a terminal at which somebody could be asked.
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AccountError: " in done.stderr
    assert words in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('permissions_boundary = "/teams/limits"', "permissions_boundary", "without a / at the"),
        ('permissions_boundary = "teams/"', "permissions_boundary", "after its path"),
        ('[training]\nschedule = "cron(0 3 30 FEB ? *)"', "training.schedule", "one of the months"),
        ('[training]\nschedule = "cron(0 3 31 4,6 ? *)"', "training.schedule", "one of the months"),
    ],
)
def test_what_aws_refuses_or_never_does_is_refused(
    directory: Path, lines: str, key: str, words: str
) -> None:
    said = problem(directory, f"{MINIMAL}{lines}\n")
    assert f"{key} = " in said
    assert words in said


@pytest.mark.parametrize("days", ["31 1,2", "29 2", "30 *", "L 2", "1-31 2", "30,31 FEB,MAR"])
def test_a_day_that_some_month_has_is_a_schedule(directory: Path, days: str) -> None:
    (directory / "test.toml").write_text(
        f'{MINIMAL}[training]\nschedule = "cron(0 3 {days} ? *)"\n', encoding="utf-8"
    )
    assert settings.load("test").training.schedule == f"cron(0 3 {days} ? *)"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("[data]\nlog_days = true", "data.log_days = True: allowed: a whole number"),
        ("[data]\nlog_days = 30.0", "data.log_days = 30.0: allowed: a whole number"),
        ("[data]\nlog_days = 10", "data.log_days = 10: allowed: one of 1, 3, 5"),
        ("[bins.colours]\n'a/b' = '#000000'\nc = '#000000'", "'a/b' is none: '/' is not allowed"),
        ("[bins.colours]\n\"a\\u202e\" = '#000000'\nc = '#000000'", "is not allowed"),
        ("[bins.colours]\n'_a' = '#000000'\nc = '#000000'", "begins with a letter or digit"),
    ],
)
def test_what_looks_like_a_value_and_is_none(directory: Path, lines: str, words: str) -> None:
    assert words in problem(directory, f"{MINIMAL}{lines}\n")


@pytest.mark.parametrize("account", ["0" * 12, "1" * 11, "1" * 13, "1111-1111-1111"])
def test_an_account_that_cannot_be_one_is_refused(directory: Path, account: str) -> None:
    said = problem(directory, MINIMAL.replace("111111111111", account))
    allowed = "12 digits in quotes" if account.strip("0") else "not only zeros"
    assert f"account = {account!r}: allowed: {allowed}" in said


def test_the_network_of_a_notebook_that_is_not_there_is_refused(directory: Path) -> None:
    lines = 'notebook_subnet = "subnet-0a1b2c3d"\nnotebook_security_group = "sg-0a1b2c3d"'
    said = problem(directory, f"{MINIMAL}[training]\n{lines}\n")
    assert "training.notebook_subnet = 'subnet-0a1b2c3d': allowed: only with" in said
