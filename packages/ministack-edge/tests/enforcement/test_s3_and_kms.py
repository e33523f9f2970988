# SPDX-License-Identifier: Apache-2.0
"""S3 and KMS answer as they do on AWS: versions, missing keys, prefixes, TLS, keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, REGION, allow

PLAIN, SECRET = "enforced-plain", "enforced-secret"


@pytest.fixture(scope="module")
def key(root: Any) -> str:
    found = root.client("kms").create_key(
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                        "Action": "kms:*",
                        "Resource": "*",
                    }
                ],
            }
        )
    )
    return str(found["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module", autouse=True)
def buckets(root: Any, key: str) -> None:
    s3 = root.client("s3")
    for name in (PLAIN, SECRET):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=PLAIN, VersioningConfiguration={"Status": "Enabled"})
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=SECRET,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    for name in (PLAIN, SECRET):
        s3.put_object(Bucket=name, Key="a/photo", Body=b"x")


def refused(call: Any, action: str = "") -> None:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error
    assert action in error["Error"]["Message"]


READ = allow("s3:GetObject", on=f"arn:aws:s3:::{PLAIN}/*")


def test_a_named_version_needs_a_right_of_its_own(root: Any, person: Any) -> None:
    version = root.client("s3").head_object(Bucket=PLAIN, Key="a/photo")["VersionId"]
    s3 = person(READ).client("s3")
    assert s3.get_object(Bucket=PLAIN, Key="a/photo")["Body"].read() == b"x"
    refused(
        lambda: s3.get_object(Bucket=PLAIN, Key="a/photo", VersionId=version),
        "s3:GetObjectVersion",
    )
    only = person(allow("s3:GetObjectVersion", on=f"arn:aws:s3:::{PLAIN}/*")).client("s3")
    only.get_object(Bucket=PLAIN, Key="a/photo", VersionId=version)


def test_a_copy_of_a_named_version_needs_it_too(root: Any, person: Any) -> None:
    version = root.client("s3").head_object(Bucket=PLAIN, Key="a/photo")["VersionId"]
    source = {"Bucket": PLAIN, "Key": "a/photo", "VersionId": version}
    writer = allow("s3:PutObject", on=f"arn:aws:s3:::{PLAIN}/*")
    s3 = person(READ, writer).client("s3")
    refused(lambda: s3.copy_object(Bucket=PLAIN, Key="b", CopySource=source), "s3:GetObjectVersion")


@pytest.mark.parametrize(
    ("listing", "status"),
    [
        (None, 403),
        (allow("s3:ListBucket", on=f"arn:aws:s3:::{PLAIN}"), 404),
        (
            # A request for an object carries no prefix, so this allows no look.
            allow(
                "s3:ListBucket",
                on=f"arn:aws:s3:::{PLAIN}",
                when={"StringLike": {"s3:prefix": ["*"]}},
            ),
            403,
        ),
    ],
)
@pytest.mark.parametrize("call", ["head_object", "get_object"])
def test_a_missing_key_is_missing_only_for_who_may_list(
    person: Any, listing: Any, status: int, call: str
) -> None:
    s3 = person(*[item for item in (READ, listing) if item]).client("s3")
    with pytest.raises(ClientError) as caught:
        getattr(s3, call)(Bucket=PLAIN, Key="a/missing")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_prefix_condition_does_not_hold_without_a_prefix(person: Any) -> None:
    condition = {"StringLike": {"s3:prefix": ["a/*"]}}
    s3 = person(allow("s3:ListBucket", on=f"arn:aws:s3:::{PLAIN}", when=condition)).client("s3")
    assert s3.list_objects_v2(Bucket=PLAIN, Prefix="a/")["KeyCount"] == 1
    refused(lambda: s3.list_objects_v2(Bucket=PLAIN), "s3:ListBucket")


@pytest.mark.parametrize(
    ("right", "service", "reads", "writes"),
    [
        ("kms:Decrypt", "s3", True, False),
        ("kms:GenerateDataKey", "s3", False, True),
        ("kms:Decrypt", "sagemaker", False, False),
        (None, "s3", False, False),
    ],
)
def test_what_a_key_encrypts_needs_the_key(
    person: Any, key: str, *, right: str | None, service: str, reads: bool, writes: bool
) -> None:
    statements = [allow("s3:GetObject", "s3:PutObject", on=f"arn:aws:s3:::{SECRET}/*")]
    if right:
        via = {"StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}}
        statements.append(allow(right, on=key, when=via))
    s3 = person(*statements).client("s3")
    for may, call, wanted in (
        (reads, lambda: s3.get_object(Bucket=SECRET, Key="a/photo"), "kms:Decrypt"),
        (writes, lambda: s3.put_object(Bucket=SECRET, Key="b", Body=b""), "kms:GenerateDataKey"),
    ):
        if may:
            call()
        else:
            refused(call, wanted)


def test_a_bucket_for_tls_only_refuses_a_request_without_it(root: Any, person: Any) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{PLAIN}", f"arn:aws:s3:::{PLAIN}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    root.client("s3").put_bucket_policy(Bucket=PLAIN, Policy=json.dumps(policy))
    try:
        s3 = person(READ).client("s3")
        s3.get_object(Bucket=PLAIN, Key="a/photo")  # loopback counts as TLS
        s3.meta.events.register("before-sign.s3", _plain)
        refused(lambda: s3.get_object(Bucket=PLAIN, Key="a/photo"))
    finally:
        root.client("s3").delete_bucket_policy(Bucket=PLAIN)


def _plain(request: Any, **_more: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "http"


def test_a_boundary_limits_what_a_policy_allows(root: Any, person: Any) -> None:
    boundary = root.client("iam").create_policy(
        PolicyName="limit",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:ListBucket")]}),
    )["Policy"]["Arn"]
    s3 = person(READ, boundary=boundary).client("s3")
    refused(lambda: s3.get_object(Bucket=PLAIN, Key="a/photo"), "s3:GetObject")


def test_every_decision_is_recorded_with_its_statement(person: Any, decisions: Any) -> None:
    someone = person({**READ, "Sid": "Photos"})
    someone.client("s3").get_object(Bucket=PLAIN, Key="a/photo")
    refused(lambda: someone.client("s3").list_objects_v2(Bucket=PLAIN))
    own = [line for line in decisions() if line["principal"] == someone.arn]
    assert [(line["action"], line["decision"], line["by"]) for line in own] == [
        ("s3:GetObject", "allow", "given/Photos"),
        ("s3:ListBucket", "deny", "no identity-based policy allows it"),
    ]
    assert set(own[0]) == {"stage", "principal", "action", "resource", "decision", "by"}
