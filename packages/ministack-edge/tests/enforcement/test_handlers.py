# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation needs per type is what AWS's schemas list, and each exception has a use."""

from __future__ import annotations

import fnmatch

import pytest

from ministack_edge.enforcement import extract, handlers, unneeded, where


def test_the_extract_is_what_the_schemas_list() -> None:
    assert handlers.FILE.read_text(encoding="utf-8") == extract.text(), (
        "run `python -m ministack_edge.enforcement.extract`"
    )


def test_every_type_of_the_extract_has_an_arn() -> None:
    assert handlers.known() == set(where.known())


def test_an_unknown_type_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(handlers.UnknownTypeError, match=r"AWS::EC2::VPC.*enforcement.extract"):
        handlers.permissions("AWS::EC2::VPC", "create")


@pytest.mark.parametrize("type_", sorted(unneeded.BY_TYPE))
def test_every_exception_of_a_type_takes_something_away(type_: str) -> None:
    listed = {action for verb in handlers.VERBS for action in handlers.permissions(type_, verb)}
    for rule in unneeded.BY_TYPE[type_]:
        for pattern in rule.actions.split():
            assert fnmatch.filter(listed, pattern), f"{type_}: {pattern}"
        assert rule.reason


def test_an_exception_ends_where_its_property_is_set() -> None:
    type_, action = "AWS::Lambda::Function", "ec2:DescribeSubnets"
    assert not unneeded.needed(type_, action, {})
    assert not unneeded.needed(type_, action, {"VpcConfig": {}})
    assert unneeded.needed(type_, action, {"VpcConfig": {"SubnetIds": ["subnet-1"]}})


def test_what_iam_does_not_know_is_nowhere_required() -> None:
    assert not unneeded.needed("AWS::S3::Bucket", "s3:DeleteBucketCors", {})
    assert unneeded.needed("AWS::S3::Bucket", "s3:DeleteBucket", {})
