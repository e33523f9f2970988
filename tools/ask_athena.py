# SPDX-License-Identifier: Apache-2.0
"""Runs queries in an environment's Athena workgroup, with its reader role."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from infra.config.settings import Settings
from tools.account import describe, outputs, session_for, stack_name

WAIT_SECONDS = 120.0
_FIRST_POLL_SECONDS, _LAST_POLL_SECONDS = 0.05, 1.0
Row = dict[str, str | None]


class AskError(Exception):
    """A question that cannot be answered; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Insights:
    """The reader's session and the outputs of the Insights stack."""

    settings: Settings
    session: boto3.Session
    outputs: Mapping[str, str]


def reader(settings: Settings) -> Insights:
    """Find the stack and assume its reader role. Raises AskError if it is not deployed."""
    session = session_for(settings)
    name = stack_name(settings, "Insights")
    found = outputs(describe(session, name))
    if "ReaderRoleArn" not in found:
        raise AskError(f"{name} is not deployed in {settings.region}: run make deploy")
    assumed = session.client("sts").assume_role(
        RoleArn=found["ReaderRoleArn"], RoleSessionName="binsight-ask"
    )["Credentials"]
    as_reader = boto3.Session(
        region_name=settings.region,
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )
    return Insights(settings=settings, session=as_reader, outputs=found)


def ask(insights: Insights, sql: str) -> tuple[list[Row], int]:
    """The rows of a query, and the bytes that it read. AskError with Athena's reason."""
    athena = insights.session.client("athena")
    query = athena.start_query_execution(
        QueryString=sql,
        WorkGroup=insights.outputs["Workgroup"],
        QueryExecutionContext={"Database": insights.outputs["Database"]},
    )["QueryExecutionId"]
    deadline, wait = time.monotonic() + WAIT_SECONDS, _FIRST_POLL_SECONDS
    while True:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        state = execution["Status"]["State"]
        if state == "SUCCEEDED":
            break
        if state in ("FAILED", "CANCELLED"):
            raise AskError(f"Athena: {execution['Status'].get('StateChangeReason', state)}")
        if time.monotonic() > deadline:
            athena.stop_query_execution(QueryExecutionId=query)
            raise AskError(f"Athena did not answer within {WAIT_SECONDS:g} s")
        time.sleep(wait)
        wait = min(2 * wait, _LAST_POLL_SECONDS)
    rows = list(_rows(athena, query))
    return rows, int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def _rows(athena: Any, query: str) -> Iterator[Row]:
    names: list[str] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query):
        for row in page["ResultSet"]["Rows"]:
            values = [cell.get("VarCharValue") for cell in row["Data"]]
            if names:
                yield dict(zip(names, values, strict=True))
            else:
                names = [str(value) for value in values]  # the first row is the header
