# SPDX-License-Identifier: Apache-2.0
"""What an upgrade would lose, by changes to a frozen deployment; and which of it is accepted."""

from dataclasses import replace
from pathlib import Path

import pytest

from review_testing.changes import assembly, frozen, patched
from template_review.comparison import differ
from template_review.model import Pair
from tools.breaking import Declaration
from tools.upgrade import Loss, faults, losses

BUCKET = "DatasetBucket5A07B7EE"
TABLE = "LatestTableDFD631F0"
NAMED = [{"op": "add", "path": f"Data/Resources/{BUCKET}/Properties/BucketName", "value": "photos"}]
DECLARED = Declaration(
    file=Path("docs/breaking/0001-new-bucket.md"),
    after="0.1.0",
    environment="*",
    stack="Data",
    resource=BUCKET,
    effect="replaced",
    why="the name of the bucket is printed on every camera",
)


LOST = {
    "a bucket gets a name": (NAMED, "Data", BUCKET, "replaced", "forced by BucketName"),
    "a logical id is renamed": (
        [
            {
                "op": "move",
                "from": f"Insights/Resources/{TABLE}",
                "path": "Insights/Resources/LatestTable00112233",
            }
        ],
        *("Insights", TABLE, "removed", "AWS::DynamoDB::Table, with its items, is deleted"),
    ),
    "a table's key changes": (
        [
            {
                "op": "add",
                "path": f"Insights/Resources/{TABLE}/Properties/KeySchema/1/KeyType",
                "value": "HASH",
            }
        ],
        *("Insights", TABLE, "replaced", "forced by KeySchema"),
    ),
    "a resource becomes one of another type": (
        [
            {
                "op": "add",
                "path": f"Insights/Resources/{TABLE}/Type",
                "value": "AWS::DynamoDB::GlobalTable",
            }
        ],
        *("Insights", TABLE, "replaced", "forced by Type"),
    ),
    "the data key goes": (
        [{"op": "remove", "path": "Data/Resources/DataKey2A0DE9E6"}],
        *("Data", "DataKey2A0DE9E6", "removed", "the key without which encrypted data"),
    ),
}


MOVED = {
    "is no longer there": [{"op": "remove", "path": "/stacks/Data"}],
    "now another one, other": [{"op": "add", "path": "/stacks/Data/name", "value": "other"}],
    "/eu-west-1": [{"op": "add", "path": "/stacks/Data/region", "value": "eu-west-1"}],
}
"""By what is said of it."""

HARMLESS = {
    "nothing": [],
    "a retention": [
        {
            "op": "add",
            "path": f"Data/Resources/{BUCKET}/Properties/LifecycleConfiguration/Rules/0/"
            "NoncurrentVersionExpiration/NoncurrentDays",
            "value": 3,
        }
    ],
    "a new table": [
        {
            "op": "copy",
            "from": f"Insights/Resources/{TABLE}",
            "path": "Insights/Resources/Another",
        }
    ],
    "an alarm less": [{"op": "remove", "path": "Insights/Resources/AlertsRuleErrors27846E66"}],
}


CHANGES = {**{case: change for case, (change, *_) in LOST.items()}, **MOVED, **HARMLESS}


@pytest.fixture(scope="module")
def upgraded():
    """The losses of the frozen deployment by change, all compared in one run of the differ."""
    original = frozen()
    base = assembly(original)
    pairs = differ.compare(
        [(case, base, assembly(patched(original, CHANGES[case], original))) for case in CHANGES],
        follow_moves=False,
    )
    return {pair.environment: losses(pair) for pair in pairs}


@pytest.mark.parametrize("case", LOST)
def test_a_stateful_resource_replaced_or_removed_is_a_loss(upgraded, case):
    _, stack, resource, effect, text = LOST[case]
    found = upgraded[case]
    [loss] = [one for one in found if one.resource == resource]
    assert (loss.stack, loss.effect) == (stack, effect)
    assert text in loss.text
    assert faults(found, [], release="0.1.0"), "undeclared, so it fails"


@pytest.mark.parametrize("text", MOVED)
def test_a_stack_that_is_not_carried_over_loses_all_it_holds(upgraded, text):
    found = [one for one in upgraded[text] if one.stack == "Data"]
    assert {BUCKET, "DataKey2A0DE9E6"} <= {one.resource for one in found}
    assert all(one.effect == "removed" and text in one.text for one in found)


def test_what_is_retained_is_lost_too_but_not_deleted():
    policy = {"op": "add", "path": f"Data/Resources/{BUCKET}/DeletionPolicy", "value": "Retain"}
    original = frozen()
    base = patched(original, [policy], original)
    removed = [{"op": "remove", "path": f"Data/Resources/{BUCKET}"}]
    [pair] = differ.compare([("dev", assembly(base), assembly(patched(base, removed, original)))])
    [loss] = losses(pair)
    assert "stays behind outside any stack" in loss.text


@pytest.mark.parametrize("case", HARMLESS)
def test_other_changes_lose_nothing(upgraded, case):
    assert upgraded[case] == []


def test_a_new_environment_and_one_that_is_given_up_lose_nothing():
    document = assembly(frozen())
    for before, after in ((None, document), (document, None)):
        assert losses(Pair(environment="dev", base=before, head=after)) == []


def test_a_declared_loss_is_accepted_and_nothing_else(upgraded):
    found = upgraded["a bucket gets a name"]
    assert faults(found, [DECLARED], release="0.1.0") == []
    for other in (
        replace(DECLARED, effect="removed"),
        replace(DECLARED, resource=TABLE),
        replace(DECLARED, stack="Insights"),
        replace(DECLARED, environment="prod"),
    ):
        undeclared, stale = faults(found, [other], release="0.1.0")
        assert f": Data/{BUCKET} replaced" in undeclared
        assert "docs/breaking/" in undeclared
        assert f"{other.file}: " in stale


def test_a_declaration_counts_for_the_upgrade_from_its_tag_only(upgraded):
    found = upgraded["a bucket gets a name"]
    assert len(faults(found, [DECLARED], release="v0.2.0")) == 1
    assert faults([], [DECLARED], release="v0.2.0") == [], "history stays in the folder"


def test_a_declaration_of_what_does_not_happen_fails():
    [line] = faults([], [DECLARED], release="0.1.0")
    assert "is not replaced after 0.1.0; remove the declaration" in line


def test_a_declaration_for_every_environment_covers_each():
    loss = Loss(environment="prod", stack="Data", resource=BUCKET, effect="replaced", text="")
    assert faults([loss, replace(loss, environment="dev")], [DECLARED], release="0.1.0") == []
