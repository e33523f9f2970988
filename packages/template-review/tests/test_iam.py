# SPDX-License-Identifier: Apache-2.0
"""Grants are compared by what they allow, not by how they are written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_testing.changes import assembly, frozen
from template_review.iam.compare import denials, gained, lost
from template_review.iam.grants import IDENTITY, Grant, grants
from template_review.iam.items import sentence
from template_review.iam.wildcards import matches

BASE = grants(assembly(frozen()))
ONLY_HERE = frozenset({("StringEquals", "aws:SourceAccount", ("111111111111",))})
READ = Grant(IDENTITY, "role «A»", "Allow", "s3:GetObject", "«B»/runs/*", ONLY_HERE)


def test_every_kind_of_policy_is_read():
    assert {grant.kind for grant in BASE} == {"trust", "resource", "identity", "device"}
    assert not [grant for grant in BASE if grant.who.startswith("the holders of policy")]
    assert not [grant for grant in BASE if "Fn::" in grant.resource or "export" in grant.resource]


@given(st.sets(st.sampled_from(sorted(BASE, key=repr))))
def test_taking_grants_away_gains_nothing(kept: set[Grant]):
    assert gained(BASE, kept) == []
    assert lost(kept, BASE) == []
    assert denials(BASE, kept)[0] == []


@given(st.sampled_from(sorted(BASE, key=repr)))
def test_taking_one_grant_away_is_noticed_or_covered(grant: Grant):
    rest = BASE - {grant}
    if grant.effect == "Allow":
        assert len(lost(BASE, rest)) == len(gained(rest, BASE)) <= 1
    else:
        assert denials(BASE, rest)[1] == [grant]


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"condition": frozenset()}, "condition dropped: aws:SourceAccount"),
        ({"resource": "«B»/*"}, "wider resource, was «B»/runs/*"),
        ({"resource": "*"}, "wider resource, was «B»/runs/*"),
        ({"action": "s3:Get*"}, "wider action, was s3:GetObject"),
        ({"action": "s3:PutObject"}, "new action"),
        ({"resource": "«C»/*"}, ""),
        ({"who": "role «D»"}, ""),
    ],
)
def test_how_a_grant_is_broadened(change: dict[str, str], how: str):
    (gain,) = gained({READ}, {READ, replace(READ, **change)})
    assert gain.how == how


@pytest.mark.parametrize(
    "change",
    [
        {"resource": "«B»/runs/1/*"},
        {"action": "S3:getobject"},
        {"condition": ONLY_HERE | {("Bool", "aws:SecureTransport", ("true",))}},
    ],
)
def test_what_was_allowed_before_is_no_gain(change: dict[str, str]):
    assert gained({READ}, {replace(READ, **change)}) == []


def test_patterns():
    assert matches("s3:Get*", "s3:GetObject")
    assert matches("s3:*", "s3:Get*")
    assert not matches("s3:Get*", "s3:*")
    assert not matches("a.b", "aXb")
    assert matches("arn:?ws:*", "arn:aws:s3")
    assert not matches("anything but iam:*", "s3:GetObject")


def test_plain_words():
    text = sentence("role «JobsRoleC881106B»", "Allow", ["s3:GetObject"], ["«B»/*"], ONLY_HERE)
    assert text == (
        "role JobsRole may s3:GetObject on B/* only if aws:SourceAccount is 111111111111"
    )
