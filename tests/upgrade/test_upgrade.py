# SPDX-License-Identifier: Apache-2.0
"""The last release is deployed, then today's: everything that holds something is still there.

Before there is a release, or in a clone without its commit, the last release is today's templates
with some of what an upgrade changes turned back, so that the way itself is tried all the same.
"""

import json
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.config import settings
from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud
from template_review.config import load
from template_review.synthesis import tree
from tests.conftest import ROOT
from tests.environments.copies import ALL, ORIGINAL, Copy, synthesise, write
from tests.environments.deployed import Deployed
from tests.synth.assembly_cache import SYNTH_SECONDS, synth_environment
from tests.upgrade.releases import altered, lost, physical_ids
from tools import upgrade
from tools.breaking import declarations
from tools.releases import Release, newest

_KEY = re.compile(r"^([\w-]+) = ", re.MULTILINE)
NO_RELEASE = "docs/releases.toml records no release yet"
# In another account and region than the file says, which no other test deploys to.
PLACE: Copy = ALL[3]


@dataclass(frozen=True)
class Upgraded:
    """One environment after the upgrade, and what it held before."""

    deployed: Deployed
    before: dict[tuple[str, str], str]
    changed: int
    release: Release | None

    @property
    def cloud(self) -> Cloud:
        """boto3 where it is deployed."""
        return self.deployed.cloud(PLACE)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory):
    work = tmp_path_factory.mktemp("upgrade")
    found = newest(ROOT)
    found = found if found and upgrade.has(ROOT, found.commit) else None
    write(work / "files", [PLACE])
    synthesise(work / "files", work / "today")
    today = work / "today" / PLACE.name
    old = work / "old" / PLACE.name
    if found:
        release(found, work / "files", old)
    else:
        altered(today, old, "Data", earlier_retention)
        altered(today, old, "Insights", without_dashboard)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with LocalAws(port=port, work=work / "local-aws") as aws:
        first = Deployed(aws, [PLACE], work / "old", work)
        first.bootstrap()
        first.deploy()
        fill(first.cloud(PLACE))
        before = physical_ids(first.cloud(PLACE))
        second = Deployed(aws, [PLACE], work / "today", work, people=first.people)
        changed = second.deploy()[PLACE.name]
        yield Upgraded(second, before, changed, found)


def release(found: Release, environments: Path, output: Path) -> None:
    """Today's environment with the program of a release, synthesised as its own cdk.json says."""
    with tree.unpacked(tree.resolve(found.commit, ROOT), ROOT, load(ROOT)) as folder:
        # A release knows the settings of its own day.
        known = set(_KEY.findall((folder / "environments" / ORIGINAL.name).read_text("utf-8")))
        today = (environments / f"{PLACE.name}.toml").read_text("utf-8")
        lines = [
            line
            for line in today.splitlines()
            if not (key := _KEY.match(line)) or key.group(1) in known
        ]
        (folder / "environments" / f"{PLACE.name}.toml").write_text(
            "\n".join(lines) + "\n", "utf-8"
        )
        for file in (folder / "environments").glob("*.toml"):
            if file.stem != PLACE.name:
                file.unlink()
        done = subprocess.run(
            [
                *(str(ROOT / ".venv" / "bin" / "cdk"), "synth", "--all", "--quiet"),
                *("--context", f"environment={PLACE.name}", "--output", str(output)),
            ],
            cwd=folder,
            env={**synth_environment(), "CI": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            timeout=SYNTH_SECONDS,
            check=False,
        )
    assert done.returncode == 0, f"{found.version} does not synth:\n{done.stdout}\n{done.stderr}"


def earlier_retention(template):
    [bucket] = [
        each
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::S3::Bucket" and name.startswith("DatasetBucket")
    ]
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    rule["NoncurrentVersionExpiration"]["NoncurrentDays"] = 3


def without_dashboard(template):
    """Something that the upgrade adds."""
    names = [
        name
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Dashboard"
    ]
    for name in names:
        del template["Resources"][name]
    for name, output in list(template["Outputs"].items()):
        if any(f'"{each}"' in json.dumps(output) for each in names):
            del template["Outputs"][name]


def fill(cloud: Cloud) -> None:
    """Something that only this deployment has."""
    outputs = cloud.outputs()
    cloud.client("s3").put_object(Bucket=outputs["DatasetBucket"], Key="photo", Body=b"glass")
    cloud.client("dynamodb").put_item(
        TableName=outputs["LatestTable"], Item={"thing": {"S": "camera"}, "kind": {"S": "x"}}
    )


def test_templates_of_the_last_release_lose_nothing_undeclared():
    """For every environment, by the templates."""
    found = newest(ROOT)
    if found is None:
        pytest.skip(NO_RELEASE)
    if not upgrade.has(ROOT, found.commit):
        pytest.skip(f"this clone lacks commit {found.commit} of release {found.version}")
    _, wrong = upgrade.check(ROOT, found.version, found.commit)
    assert wrong == [], "\n".join(wrong)


def test_the_upgrade_keeps_what_is_there(upgraded):
    """On the local AWS, by the physical ids."""
    if upgraded.release is None:
        assert upgraded.changed == 2, "the templates that were turned back are today's again"
    declared = {
        (each.stack, each.resource, each.effect)
        for each in declarations(ROOT / "docs" / "breaking")
        if upgraded.release and each.after == upgraded.release.version
    }
    assert len(upgraded.before) >= 15
    assert set(lost(upgraded.before, physical_ids(upgraded.cloud))) <= declared


def test_photos_and_state_are_still_there(upgraded):
    outputs = upgraded.cloud.outputs()
    photo = upgraded.cloud.client("s3").get_object(Bucket=outputs["DatasetBucket"], Key="photo")
    assert photo["Body"].read() == b"glass"
    items = upgraded.cloud.client("dynamodb").scan(TableName=outputs["LatestTable"])["Items"]
    assert [item["thing"]["S"] for item in items] == ["camera"]


def test_the_upgraded_environment_is_todays(upgraded):
    assert upgraded.deployed.deploy() == {PLACE.name: 0}
    rules = upgraded.cloud.client("s3").get_bucket_lifecycle_configuration(
        Bucket=upgraded.cloud.outputs()["DatasetBucket"]
    )["Rules"]
    days = {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules}
    assert days == {settings.load("dev").data.noncurrent_days}
    assert f"{PLACE.prefix}-{PLACE.region}" in {
        each["DashboardName"]
        for each in upgraded.cloud.client("cloudwatch").list_dashboards()["DashboardEntries"]
    }


def test_a_table_under_another_logical_id_is_caught(upgraded):
    """The check of physical ids is not a blind one: this upgrade does lose the table."""
    deployed = upgraded.deployed
    before = physical_ids(upgraded.cloud)
    [(stack, name)] = [key for key in before if key[1].startswith("LatestState")]

    def renamed(template):
        text = json.dumps(template).replace(name, "LatestState00112233")
        template.clear()
        template.update(json.loads(text))

    today = deployed.assemblies / PLACE.name
    altered(today, deployed.logs / "lossy" / PLACE.name, stack, renamed)
    Deployed(deployed.aws, [PLACE], deployed.logs / "lossy", deployed.logs).deploy()
    assert (stack, name, "removed") in lost(before, physical_ids(upgraded.cloud))
