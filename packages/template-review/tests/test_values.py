# SPDX-License-Identifier: Apache-2.0
"""What differs between values, who is a stranger, and what lets more through."""

import json

import pytest

from review_testing.plugin import PROJECT
from template_review.comparison.leaves import differing, leaves
from template_review.iam.conditions import loosened
from template_review.iot.sql import covers
from template_review.iot.sql_where import Change, compare
from template_review.kinds.step_functions import dominators
from template_review.model import Level
from template_review.resources.outsiders import Ours, strangers

OURS = Ours(frozenset({"111111111111"}), frozenset({"our-photos"}), {"763104351884"})
BUCKET = "AWS::S3::Bucket"


def test_json_in_a_string_is_compared_by_what_it_holds():
    [leaf] = differing({"Body": '{"a":{"b":1,"c":2}}'}, {"Body": '{ "a": {"c": 2, "b": 3} }'})
    assert leaf.text == "Body.a.b: 1 -> 3"


def test_members_of_a_list_are_known_by_their_name():
    old = {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "project", "Value": "x"}]}
    new = {"Tags": [{"Key": "project", "Value": "y"}, {"Key": "a", "Value": "1"}]}
    assert [leaf.text for leaf in leaves(BUCKET, old, new)] == ["Tags[project].Value: x -> y"]


def test_a_set_has_no_order_and_a_list_has():
    old, new = {"Architectures": ["a", "b"]}, {"Architectures": ["b", "a"]}
    assert leaves("AWS::CloudWatch::Alarm", {"AlarmActions": [1, 2]}, {"AlarmActions": [2, 1]})
    policies = [{"ManagedPolicyArns": order} for order in (["a", "b"], ["b", "a"])]
    assert leaves("AWS::IAM::Role", *policies) == []
    assert differing(old, new) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [({"A": True}, {"A": "true"}), ({"A": 30}, {"A": 30.0}), ({"A": []}, {}), ({"A": {}}, {})],
)
def test_what_cloudformation_reads_alike_is_no_difference(old: dict[str, object], new: object):
    assert differing(old, new) == []


def test_a_default_that_is_written_out_is_no_difference():
    kind = "AWS::CloudWatch::Alarm"
    assert leaves(kind, {"MetricName": "x"}, {"MetricName": "x", "ActionsEnabled": True}) == []
    assert leaves(kind, {"MetricName": "x"}, {"MetricName": "x", "ActionsEnabled": False})


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:sns:us-east-1:999988887777:t",
        "arn:aws-cn:iam::999988887777:role/x",
        "arn:aws:s3:::theirs/*",
        "s3://theirs/models",
        "999988887777.dkr.ecr.us-east-1.amazonaws.com/x:1",
        "https://sqs.us-east-1.amazonaws.com/999988887777/q",
        "https://collect.example.net/in",
        "https://x.execute-api.us-east-1.amazonaws.com/prod",
        "mqtts://broker.example.net:8883",
        "someone@example.com",
        "+4930123456",
        "999988887777",
        '{"url":"https://collect.example.net"}',
    ],
)
def test_somebody_else(text: str):
    assert strangers(text, OURS)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:sns:us-east-1:111111111111:t",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:s3:::our-photos/*",
        "arn:aws:s3:::«DatasetBucket»/*",
        "s3://cdk-hnb659fds-assets-111111111111-us-east-1/x.zip",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:1",
        "https://sqs.us-east-1.amazonaws.com/111111111111/q",
        "https://logs.us-east-1.amazonaws.com",
        "http://localhost:8080",
        "20260101120000",
        "aws.greengrass#PublishToIoTCore",
    ],
)
def test_ours_or_of_aws(text: str):
    assert strangers(text, OURS) == {}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("a = 1 AND b = 2", "b = 2 and  a = 1", Change.SAME),
        ("a = 1", "(a = 1)", Change.SAME),
        ("a = 1", "a = 1 AND 1 = 1", Change.SAME),
        ("a = 1 AND b = 2", "a = 1", Change.MORE),
        ("a = 1", "", Change.MORE),
        ("a = 1", "a = 1 OR b = 2", Change.MORE),
        ("a = 1", "a = 1 AND b = 2", Change.LESS),
        ("a = 1 OR b = 2", "a = 1", Change.LESS),
        ("", "a = 1", Change.LESS),
        ("a = 1", "a = 2", Change.OTHER),
        ("a = 1", "a <> 1", Change.OTHER),
        ("a = 1", "a = 1 AND 1 = 2", Change.NOTHING),
        ("a = 1", "false", Change.NOTHING),
        ("a = 'x AND y'", "a = 'x'", Change.OTHER),
        ("a = 1 AND (b = 2 OR c = 3)", "a = 1 AND b = 2", Change.LESS),
    ],
)
def test_where(old: str, new: str, change: Change):
    assert compare(old, new) is change


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [("a/#", "a/b/c", True), ("a/+/c", "a/b/c", True), ("a/b", "a/+", False), ("a", "a/b", False)],
)
def test_topics(wide: str, narrow: str, covered: bool):
    assert covers(wide, narrow) is covered


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        (("StringEquals", ["a"]), ("StringEquals", ["a", "b"]), True),
        (("StringEquals", ["a"]), ("StringLike", ["*"]), True),
        (("StringEquals", ["a"]), ("StringEqualsIfExists", ["a"]), True),
        (("StringEquals", ["a"]), ("ForAllValues:StringEquals", ["a"]), True),
        (("StringEquals", ["a"]), ("StringNotEquals", ["b"]), True),
        (("StringNotEquals", ["a", "b"]), ("StringNotEquals", ["a"]), True),
        (("StringNotEquals", ["a"]), ("StringNotEquals", ["a", "b"]), False),
        (("StringEquals", ["a", "b"]), ("StringEquals", ["a"]), False),
        (("StringEquals", ["a"]), ("StringEquals", ["b"]), False),
        (("IpAddress", ["10.0.0.0/24"]), ("IpAddress", ["10.0.0.0/8"]), True),
        (("IpAddress", ["10.0.0.0/8"]), ("IpAddress", ["10.0.0.0/24"]), False),
        (("Bool", ["true"]), ("Bool", ["false"]), True),
        (("NumericLessThan", ["3600"]), ("NumericLessThan", ["86400"]), True),
        (("NumericLessThan", ["3600"]), ("NumericLessThan", ["60"]), False),
        (("DateLessThan", ["2026-01-01"]), ("DateLessThan", ["2030-01-01"]), True),
    ],
)
def test_conditions(old: tuple[str, list[str]], new: tuple[str, list[str]], more: bool):
    assert loosened(old, new) is more


def test_what_stands_before_a_state():
    machine = {
        "StartAt": "Check",
        "States": {
            "Check": {"Type": "Task", "Next": "Judge", "Catch": [{"Next": "Undo"}]},
            "Judge": {"Type": "Choice", "Choices": [{"Next": "Go"}], "Default": "Undo"},
            "Go": {"Type": "Succeed"},
            "Undo": {"Type": "Fail"},
            "Never": {"Type": "Pass", "Next": "Go"},
        },
    }
    found = dominators(machine)
    assert found["Go"] == {"Check", "Judge", "Go"}
    assert found["Undo"] == {"Check", "Undo"}
    assert "Never" not in found


@pytest.mark.parametrize(
    ("name", "was", "now", "level"),
    [
        ("MinimumAccuracy", 0.85, 0.9, Level.LOOK),
        ("MinimumAccuracy", 0.85, 0.55, Level.LOOK),
        ("MinimumRecall", 0.7, 0.1, Level.DANGEROUS),
        ("Tolerance", 1, 50, Level.DANGEROUS),
        ("MAXIMUM_FAILED_PERCENT", "10", "100", Level.DANGEROUS),
        ("MAXIMUM_FAILED_PERCENT", "10", "20", Level.LOOK),
        ("BAKE_MINUTES", "60", "0", Level.DANGEROUS),
    ],
)
def test_gates(name: str, was: object, now: object, level: Level):
    [gate] = [each for each in PROJECT.gates if each.matches(name)]
    judged = gate.judge(was, now)
    assert judged is not None
    assert judged[0] is level


def test_a_text_that_was_cut_into_container_arguments_is_compared_as_one():
    def arguments(policy, size=256):
        text = json.dumps(policy)
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        return {"ContainerArguments": ["evaluate", "--bins", *pieces, "--seed", "0"]}

    short = {"classes": {"glass": "recycling"}, "unsure_below": 0.4}
    long = {"classes": {f"class-{n}": "recycling" for n in range(30)}, "unsure_below": 0.4}
    longer = {**long, "classes": {**long["classes"], "glass": "recycling"}}
    changed = [leaf.text for leaf in differing(arguments(long), arguments(longer))]
    assert changed == ["ContainerArguments[2].classes.glass: not set -> recycling"]
    # A text that grows beyond one argument loses nothing.
    said = {leaf.text for leaf in differing(arguments(short), arguments(longer))}
    assert len(said) == 30
    assert not any(text.endswith("-> not set") for text in said)


@pytest.mark.parametrize("argument", ["x" * 256, '["' + "x" * 252 + '"]'])
def test_a_full_container_argument_that_is_no_cut_text_stays_alone(argument):
    old, new = ({"ContainerArguments": [argument, second]} for second in ("{}", '{"b": 2}'))
    assert [leaf.after for leaf in differing(old, new) if "b" in leaf.path] == [2]
