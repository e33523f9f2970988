# SPDX-License-Identifier: Apache-2.0
"""One environment, several times: two prefixes, three accounts, two regions, all live at once.

``make test`` deploys the two that share an account and region, ``make prove-environments`` all
four. The tests build on each other, in this order: the last one destroys everything.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.detection import Detection
from contracts.messages import ModelName
from contracts.topics import Topics
from rehearsal.aws_client import STACKS, Cloud
from rehearsal.errors import RehearsalError
from tests.environments.copies import ALL, COPIES, ORIGINAL, Copy, write
from tests.environments.deployed import Deployed
from tests.environments.inventory import LISTERS, PART_OF_ANOTHER, added

each_copy = pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.name)

NAMED_BY_AWS = {"AWS::KMS::Key", "AWS::Logs::MetricFilter"}
"""Their names do not tell whose they are."""

KEPT_AFTER_DESTROY = {"AWS::KMS::Key": "PendingDeletion"}
"""README, "What `make destroy` keeps": the key, for its waiting period."""


def types(deployed: Deployed, copy: Copy) -> Iterator[str]:
    """The type of every resource in a copy's templates."""
    for path in (deployed.assemblies / copy.name).glob("*.template.json"):
        for resource in json.loads(path.read_text(encoding="utf-8"))["Resources"].values():
            yield str(resource["Type"])


def owned(name: str, copy: Copy) -> bool:
    """Whether a physical name is one of this copy's."""
    return copy.prefix in name or copy.prefix.replace("-", "_") in name


def test_the_proof_is_three_accounts_two_regions_two_prefixes() -> None:
    assert len({copy.account for copy in ALL}) == 3
    assert len({copy.region for copy in ALL}) == 2
    assert len({copy.prefix for copy in ALL}) == 2
    assert COPIES[0].place == COPIES[1].place
    assert COPIES[0].prefix != COPIES[1].prefix


def test_one_environment_elsewhere_differs_by_account_and_region_only(tmp_path: Path) -> None:
    files = tmp_path / "files"
    write(files, ALL)
    first = (files / "first.toml").read_text(encoding="utf-8").splitlines()
    for copy in ALL[2:]:
        other = (files / f"{copy.name}.toml").read_text(encoding="utf-8").splitlines()
        differing = [a.split()[0] for a, b in zip(first, other, strict=True) if a != b]
        assert set(differing) <= {"account", "region"}
    assert len(first) == len(ORIGINAL.read_text(encoding="utf-8").splitlines())


@each_copy
def test_every_resource_type_can_be_looked_for(deployed: Deployed, copy: Copy) -> None:
    """Or nothing could be said about what a destroy leaves behind."""
    assert set(types(deployed, copy)) - {*LISTERS, *PART_OF_ANOTHER} == set()


@each_copy
def test_every_output_is_of_its_own_account_region_and_prefix(
    deployed: Deployed, copy: Copy
) -> None:
    outputs = deployed.cloud(copy).outputs()
    assert len(outputs) >= 15
    others = [other for other in ALL if other is not copy]
    for key, value in outputs.items():
        if value.startswith("arn:"):
            region, account = value.split(":")[3:5]
            # Names of roles have no region, names of buckets not even an account.
            assert region in {"", copy.region}, key
            assert account in {"", copy.account}, key
        for other in others:
            assert other.account == copy.account or other.account not in value, key
            assert other.prefix == copy.prefix or not owned(value, other), key


def test_every_place_has_exactly_what_its_environments_ask_for(deployed: Deployed) -> None:
    live = deployed.inventories()
    for place in deployed.places:
        here = [copy for copy in COPIES if copy.place == place]
        found = added(deployed.before[place], live[place])
        expected = Counter(kind for copy in here for kind in types(deployed, copy))
        expected["AWS::CloudFormation::Stack"] = len(STACKS) * len(here)
        assert {kind: len(names) for kind, names in found.items()} == {
            kind: count for kind, count in expected.items() if kind in LISTERS
        }
        for kind, names in found.items():
            if kind not in NAMED_BY_AWS:
                owners = [[copy.name for copy in here if owned(name, copy)] for name in names]
                assert all(len(each) == 1 for each in owners), (kind, names)
                assert len(set(Counter(each[0] for each in owners).values())) == 1, (kind, names)


def test_no_bucket_name_is_used_twice(deployed: Deployed) -> None:
    """Bucket names are shared by all accounts of the world."""
    live = deployed.inventories()
    names = [name for place in deployed.places for name in live[place]["AWS::S3::Bucket"]]
    assert len(names) == len(set(names)) == 5 * len(COPIES) + len(deployed.places)


def test_a_message_reaches_its_own_environment_only(deployed: Deployed) -> None:
    """Cameras of one name in all four, each with another item: none sees another's."""
    for number, copy in enumerate(COPIES):
        _publish(deployed.cloud(copy), Topics(copy.prefix), number)
    for number, copy in enumerate(COPIES):
        assert _sequences(deployed.cloud(copy)) == {str(number)}, copy.name


def _publish(cloud: Cloud, topics: Topics, sequence: int) -> None:
    detection = Detection(
        thing="camera",
        sequence=sequence,
        observed_at="2026-11-22T14:03:07.125Z",
        class_name="glass",
        bin="recycling",
        confidence=0.875,
        model=ModelName(digest="ab" * 32, version="1.2.3"),
        frames=6,
        latency_ms=12.5,
    )
    cloud.client("iot-data").publish(
        topic=topics.detections("camera"), qos=1, payload=json.dumps(detection.to_json())
    )


def _sequences(cloud: Cloud) -> set[str]:
    """The items in the latest-state table; waits for the first one."""
    table = cloud.outputs()["LatestTable"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if items := cloud.client("dynamodb").scan(TableName=table)["Items"]:
            return {item["sequence"]["N"] for item in items}
        time.sleep(0.1)
    return set()


def test_who_may_not_assume_the_deploy_role_deploys_nothing(deployed: Deployed) -> None:
    """The command line then goes on with the person's own rights, which are refused too."""
    copy = COPIES[0]
    operator = deployed.people[copy.account].operator
    with pytest.raises(RehearsalError, match="cdk deploy ended with status 1") as caught:
        deployed.cdk(copy, operator).deploy()
    assert "user/operator is not authorized to perform: ssm:GetParameter" in str(caught.value)


def test_deploying_again_changes_nothing(deployed: Deployed) -> None:
    assert deployed.each("again", lambda copy: deployed.cdk(copy).deploy()) == {
        copy.name: 0 for copy in COPIES
    }


def test_nothing_has_drifted(deployed: Deployed) -> None:
    for name, output in deployed.each("drift", deployed.drift).items():
        assert output.count("No drift detected") == len(STACKS), name
        assert "Number of resources with drift: 0" in output, name


def test_a_change_by_hand_is_drift(deployed: Deployed) -> None:
    """The clean answer before is not a blind one."""
    copy = COPIES[0]
    cloud = deployed.cloud(copy)
    bucket = cloud.outputs()["DatasetBucket"]
    versioning = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}
    cloud.client("s3").put_bucket_versioning(**versioning)
    with pytest.raises(RehearsalError, match="cdk drift ended with status 1") as caught:
        deployed.drift(copy)
    assert "VersioningConfiguration" in str(caught.value)
    assert "DatasetBucket" in str(caught.value)
    versioning["VersioningConfiguration"] = {"Status": "Enabled"}
    cloud.client("s3").put_bucket_versioning(**versioning)


def test_one_is_destroyed_and_the_others_live_on(deployed: Deployed) -> None:
    gone, neighbour = COPIES[0], COPIES[1]
    deployed.each("destroy", lambda copy: deployed.cdk(copy).destroy(), [gone])
    assert len(deployed.cloud(neighbour).outputs()) >= 15
    assert _sequences(deployed.cloud(neighbour)) == {"1"}
    assert "Number of resources with drift: 0" in deployed.drift(neighbour)


def test_nothing_was_refused_but_what_must_be(deployed: Deployed) -> None:
    """From bootstrap to here: the deployer's and CloudFormation's every call was allowed."""
    refused = {
        (line["principal"].rpartition("/")[2], line["action"], line["resource"])
        for line in map(json.loads, deployed.aws.permissions.read_text().splitlines())
        if line["decision"] == "deny"
    }
    assert {each for each in refused if each[0] != "operator"} == set()


def test_destroying_leaves_what_the_readme_says_and_nothing_else(
    deployed: Deployed, record_property: Callable[[str, object], None]
) -> None:
    deployed.each("destroy", lambda copy: deployed.cdk(copy).destroy(), COPIES[1:])
    after = deployed.inventories()
    for place in deployed.places:
        found = added(deployed.before[place], after[place])
        assert set(found) <= set(KEPT_AFTER_DESTROY), place
        for kind, names in found.items():
            assert all(name.endswith(f" {KEPT_AFTER_DESTROY[kind]}") for name in names)
    times = ", ".join(f"{what} {taken:.0f} s" for what, taken in deployed.seconds.items())
    record_property("shown", f"{len(COPIES)} environments live at once: {times}")
