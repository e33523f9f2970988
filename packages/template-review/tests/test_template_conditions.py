# SPDX-License-Identifier: Apache-2.0
"""Policies and safeguards that a condition or a parameter of the template decides."""

import copy
from typing import Any

import pytest

from review_testing.changes import frozen
from review_testing.pairs import Change, judged, resource, sections, wanted
from template_review.model import Item

HERE = "111111111111"
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
ALLOW = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HERE}:root"},
    "Action": "s3:GetObject",
    "Resource": "*",
}
ALL = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
PARAMETER = {"Ref": "P"}
BOUNDARY = f"arn:aws:iam::{HERE}:policy/b"
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
)


def either(one: Any, other: Any = None) -> dict[str, Any]:
    """``one`` if a condition of the template holds."""
    return {"Fn::If": ["C", one, {"Ref": "AWS::NoValue"} if other is None else other]}


def bucket(*statements: Any, name: Any = "b") -> dict[str, Any]:
    return resource(
        "AWS::S3::BucketPolicy", Bucket=name, PolicyDocument={"Statement": list(statements)}
    )


def role(**properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    return resource("AWS::IAM::Role", **{"AssumeRolePolicyDocument": document, **properties})


def policy(**statement: Any) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    document = {"Statement": [{**allow, **statement}]}
    return resource("AWS::IAM::ManagedPolicy", PolicyDocument=document)


def template(it: Any, holds: bool = False) -> dict[str, Any]:
    conditions = {"C": {"Fn::Equals": ["a", "a" if holds else "b"]}}
    parameters = {"P": {"Type": "String"}}
    return {"Conditions": conditions, "Parameters": parameters, "Resources": {"It": it}}


def two(title: str, before: Any, after: Any) -> Change:
    return sections(title, template(before), template(after))


DANGEROUS = [
    two("denial only under a condition", bucket(ALLOW, DENY), bucket(ALLOW, either(DENY))),
    two(
        "denial on a bucket that a parameter names",
        bucket(ALLOW, DENY, name=PARAMETER),
        bucket(ALLOW, name=PARAMETER),
    ),
    two(
        "denial whose condition a parameter has",
        bucket(ALLOW, DENY),
        bucket(ALLOW, {**DENY, "Condition": PARAMETER}),
    ),
    two(
        "anybody under a condition",
        bucket(ALLOW),
        bucket(ALLOW, either({**ALLOW, "Principal": "*"})),
    ),
    two("administrator under a condition", role(), role(ManagedPolicyArns=[either(ADMIN)])),
    two("administrators under a condition", role(), role(ManagedPolicyArns=either([ADMIN]))),
    two(
        "everything under a condition",
        role(),
        role(Policies=[either({"PolicyName": "p", "PolicyDocument": ALL})]),
    ),
    two("every action under a condition", policy(), policy(Action=either("*", "s3:GetObject"))),
    two("every resource under a condition", policy(), policy(Resource=either("*", "b"))),
    two(
        "everybody is denied",
        bucket(ALLOW),
        bucket(ALLOW, {key: value for key, value in DENY.items() if key != "Condition"}),
    ),
    two(
        "new bucket that the public may read",
        resource("AWS::SNS::Topic"),
        resource("AWS::S3::Bucket", PublicAccessBlockConfiguration=dict.fromkeys(BLOCKED, False)),
    ),
]
LOOK = [
    two(
        "policy of a parameter",
        bucket(ALLOW),
        resource("AWS::S3::BucketPolicy", Bucket="b", PolicyDocument=PARAMETER),
    ),
    two("managed policy of a parameter", role(), role(ManagedPolicyArns=[PARAMETER])),
    two(
        "memory of a parameter",
        resource("AWS::Lambda::Function", MemorySize=1024),
        resource("AWS::Lambda::Function", MemorySize=PARAMETER),
    ),
    two(
        "log days of a parameter",
        resource("AWS::Logs::LogGroup", RetentionInDays=365),
        resource("AWS::Logs::LogGroup", RetentionInDays=PARAMETER),
    ),
    two(
        "boundary under a condition",
        role(PermissionsBoundary=BOUNDARY),
        role(PermissionsBoundary=either(BOUNDARY)),
    ),
    two(
        "denied but for one endpoint",
        bucket(ALLOW),
        bucket(ALLOW, {**DENY, "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}),
    ),
    sections(
        "condition of a denial changes",
        template(bucket(ALLOW, either(DENY)), holds=True),
        template(bucket(ALLOW, either(DENY))),
    ),
]
SAFE = [
    two("denial without TLS", bucket(ALLOW), bucket(ALLOW, DENY)),
]


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[str, list[Item]]]:
    return judged([*DANGEROUS, *LOOK, *SAFE])


@pytest.mark.parametrize(("title", "expected"), wanted(dangerous=DANGEROUS, look=LOOK, safe=SAFE))
def test_verdict(title: str, expected: str, found: dict[str, tuple[str, list[Item]]]) -> None:
    level, items = found[title]
    assert level == expected, [(item.level.words, item.subject, item.text) for item in items]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a resource's properties that is not within a function of the template."""
    inside: Any = ()
    if isinstance(value, dict) and not any(key.startswith(("Fn::", "Ref")) for key in value):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    return [*([path] if path else []), *(p for key, v in inside for p in paths(v, (*path, key)))]


def test_no_value_that_a_template_decides_is_called_safe_or_stops_the_review() -> None:
    """Every property of one resource of each type, by a parameter and under a condition."""
    resources = {
        each["Type"]: each
        for stack in frozen()["stacks"].values()
        for each in stack["template"]["Resources"].values()
    }
    changes = []
    for kind, before in resources.items():
        places = paths(before.get("Properties", {}))
        # Some of each type, evenly spread, so that the test stays short.
        for path in places[:: max(1, len(places) // 6)]:
            for form, make in (("parameter", lambda _: PARAMETER), ("condition", either)):
                after = copy.deepcopy(before)
                place: Any = after["Properties"]
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = make(place[path[-1]])
                changes.append(two(f"{kind} {path} {form}", before, after))
    assert len(changes) > 200
    harmless = (
        "Tags",
        "Description",
        "DashboardBody",
        "Comment",
        "DisplayName",
        "Sid",
        "OKActions",
    )
    safe = [
        title
        for title, (level, _) in judged(changes).items()
        if level == "safe" and not any(word in title for word in harmless)
    ]
    assert safe == []
