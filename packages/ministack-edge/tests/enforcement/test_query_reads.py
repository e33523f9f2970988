# SPDX-License-Identifier: Apache-2.0
"""Athena reads and writes with the caller's permissions, and with no others."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, REGION, allow

pytest.importorskip("duckdb")

ARCHIVE, RESULTS = "enforced-archive", "enforced-results"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
SQL = "SELECT count(*) FROM readings"
RIGHTS = {
    "athena": allow("athena:*", on=f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/asked"),
    "default database": allow("glue:GetDatabase", on=f"{GLUE}:database/default"),
    "database": allow("glue:GetDatabase", "glue:GetTable", on=f"{GLUE}:database/weather"),
    "catalog": allow("glue:GetDatabase", "glue:GetTable", on=f"{GLUE}:catalog"),
    "table": allow("glue:GetTable", on=f"{GLUE}:table/weather/readings"),
    "list": allow(
        "s3:ListBucket",
        on=f"arn:aws:s3:::{ARCHIVE}",
        when={"StringLike": {"s3:prefix": "readings/*"}},
    ),
    "read": allow("s3:GetObject", on=f"arn:aws:s3:::{ARCHIVE}/readings/*"),
    "locate": allow("s3:GetBucketLocation", on=f"arn:aws:s3:::{RESULTS}"),
    "results": allow("s3:ListBucket*", on=f"arn:aws:s3:::{RESULTS}"),
    "write": allow(
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
        on=f"arn:aws:s3:::{RESULTS}/asked/*",
    ),
    "fetch": allow("s3:GetObject", on=f"arn:aws:s3:::{RESULTS}/asked/*"),
}
REFUSED = {
    "athena": "athena:StartQueryExecution",
    "default database": "Insufficient permissions .* glue:GetDatabase .*database/default",
    "database": "Insufficient permissions .* glue:GetDatabase .*database/weather",
    "catalog": "Insufficient permissions .* glue:GetDatabase .*:catalog",
    "table": "Insufficient permissions .* glue:GetTable .*table/weather/readings",
    "list": "Permission denied on S3 path: s3://enforced-archive/readings/.* s3:ListBucket",
    "read": "Permission denied on S3 path: s3://enforced-archive/readings/.* s3:GetObject",
    "locate": "Unable to verify/create output bucket enforced-results",
    "results": "Access denied when writing output .* s3:ListBucket",
    "write": "Access denied when writing output .* s3:PutObject",
    "fetch": "s3:GetObject .*enforced-results/asked/",
    "kms:Decrypt": "Permission denied on S3 path: .* kms:Decrypt",
    "kms:GenerateDataKey": "Access denied when writing output .* kms:GenerateDataKey",
}


@pytest.fixture(scope="module")
def key(root: Any) -> str:
    """A key that everybody may use whose own policy says so; tables and results have it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(root.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module", autouse=True)
def weather(root: Any, key: str) -> None:
    s3, glue = root.client("s3"), root.client("glue")
    for name in (ARCHIVE, RESULTS):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=ARCHIVE,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    s3.put_object(Bucket=ARCHIVE, Key="readings/date=2026-11-01/a", Body=b'{"number": 1}\n')
    # Beside the partitions: nobody who asks needs to read it.
    s3.put_object(Bucket=ARCHIVE, Key="readings/errors/date=2026-11-01/b", Body=b"no JSON\n")
    glue.create_database(DatabaseInput={"Name": "weather"})
    location = f"s3://{ARCHIVE}/readings/"
    storage = {
        "Columns": [{"Name": "number", "Type": "bigint"}],
        "Location": location,
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    }
    projection = {
        "projection.enabled": "true",
        "projection.date.type": "date",
        "storage.location.template": f"{location}date=${{date}}/",
    }
    for name, parameters in (("readings", projection), ("listed", {})):
        glue.create_table(
            DatabaseName="weather",
            TableInput={
                "Name": name,
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": "date", "Type": "string"}],
                "Parameters": parameters,
            },
        )
    encryption = {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    results = {
        "OutputLocation": f"s3://{RESULTS}/asked/",
        "EncryptionConfiguration": encryption,
    }
    root.client("athena").create_work_group(
        Name="asked", Configuration={"ResultConfiguration": results}
    )


def use_of(key: str, *actions: str) -> Any:
    through = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    return allow(*actions, on=key, when=through)


def ask(person: Any, sql: str = SQL) -> Any:
    """The first row of the answer; raises ClientError, or AssertionError with Athena's reason."""
    athena = person.client("athena")
    query = athena.start_query_execution(
        QueryString=sql, WorkGroup="asked", QueryExecutionContext={"Database": "weather"}
    )["QueryExecutionId"]
    for _ in range(300):
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
            return rows[1]["Data"][0]["VarCharValue"]
        assert status["State"] != "FAILED", status["StateChangeReason"]
        time.sleep(0.05)
    raise AssertionError("the query did not end")


def test_whoever_has_all_of_them_gets_an_answer(person: Any, key: str, decisions: Any) -> None:
    someone = person(*RIGHTS.values(), use_of(key, "kms:Decrypt", "kms:GenerateDataKey"))
    assert ask(someone) == "1"
    resources = [one["resource"] for one in decisions() if one["principal"] == someone.arn]
    assert f"arn:aws:s3:::{ARCHIVE}/readings/date=2026-11-01/a" in resources
    assert not [one for one in resources if "/errors/" in one]


@pytest.mark.parametrize("lacking", REFUSED)
def test_without_one_of_them_the_query_fails_with_athena_s_reason(
    person: Any, key: str, lacking: str
) -> None:
    rights = [right for name, right in RIGHTS.items() if name != lacking]
    actions = [name for name in ("kms:Decrypt", "kms:GenerateDataKey") if name != lacking]
    someone = person(*rights, use_of(key, *actions))
    with pytest.raises((ClientError, AssertionError), match=REFUSED[lacking]):
        ask(someone)


def test_partitions_that_are_not_projected_are_asked_of_glue(person: Any, key: str) -> None:
    rights = [*RIGHTS.values(), use_of(key, "kms:Decrypt", "kms:GenerateDataKey")]
    table = f"{GLUE}:table/weather/listed"
    rights.append(allow("glue:GetTable", on=table))
    with pytest.raises(AssertionError, match="glue:GetPartitions"):
        ask(person(*rights), SQL.replace("readings", "listed"))
    within = [f"{GLUE}:catalog", f"{GLUE}:database/weather", table]
    rights.append(allow("glue:GetPartitions", on=within))
    # Without projection all objects below the table's place are read, errors too.
    with pytest.raises(AssertionError, match="JSON"):
        ask(person(*rights), SQL.replace("readings", "listed"))
