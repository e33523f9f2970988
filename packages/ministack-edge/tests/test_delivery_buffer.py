# SPDX-License-Identifier: Apache-2.0
"""Firehose with a buffer: records that come within its seconds are one object, none is lost."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from ministack_edge.process import LocalAws, free_port

RECORDS = 20


def test_records_of_some_seconds_are_one_object(tmp_path: Path, until: Callable[..., Any]) -> None:
    with LocalAws(work=tmp_path / "aws", port=free_port(), enforce=False, buffer_seconds=2) as aws:
        session = boto3.Session("111111111111", "local", region_name="eu-west-1")
        s3, firehose = (
            session.client(one, endpoint_url=aws.endpoint) for one in ("s3", "firehose")
        )
        location = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration=location)
        firehose.create_delivery_stream(
            DeliveryStreamName="stream",
            ExtendedS3DestinationConfiguration={
                "BucketARN": "arn:aws:s3:::archive",
                "RoleARN": "arn:aws:iam::111111111111:role/any",
                "CompressionFormat": "GZIP",
            },
        )
        sent = [f"record {number}\n".encode() for number in range(RECORDS)]
        for record in sent:
            firehose.put_record(DeliveryStreamName="stream", Record={"Data": record})

        def objects() -> list[bytes]:
            found = s3.list_objects_v2(Bucket="archive").get("Contents", [])
            bodies = (s3.get_object(Bucket="archive", Key=one["Key"])["Body"] for one in found)
            return [gzip.decompress(body.read()) for body in bodies]

        until(lambda: b"".join(objects()).count(b"\n") == RECORDS)
        assert sorted(b"".join(objects()).splitlines(keepends=True)) == sorted(sent)
        assert len(objects()) < RECORDS / 2
