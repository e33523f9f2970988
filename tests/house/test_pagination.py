# SPDX-License-Identifier: Apache-2.0
"""A list of AWS comes in pages: a call that reads one page only is one that wants few."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.conftest import ROOT

FOLDERS = ("benchmarks", "infra", "lambda", "rehearsal", "stacks", "tools", "training")
LIMITS = {"Limit", "MaxItems", "MaxKeys", "MaxRecords", "MaxResults", "PageSize", "limit"}
LIMITS |= {"maxResults", "maxItems"}
"""Who passes one of these says how many are wanted."""
ONE_PAGE = {
    "describe_stacks": "one stack, by its name",
    "describe_log_streams": "one stream, by its name",
}
NEWEST = "what is new comes first"
ONE_PAGE_IN = {
    ("lambda/fleet_watch/fleet_watch/watch.py", "list_deployments"): "LATEST_ONLY of one target",
    ("lambda/rollout/rollout/group_deployments.py", "list_deployments"): "as above",
    ("tools/upload_dataset.py", "list_pipeline_executions"): NEWEST,
    ("rehearsal/aws_client.py", "list_executions"): NEWEST,
    ("rehearsal/aws_client.py", "list_pipeline_executions"): NEWEST,
}


@cache
def paginated() -> frozenset[str]:
    """The methods of boto3's clients that answer in pages, of the services that are used."""
    session = botocore.session.get_session()
    used = {
        name
        for path in sources()
        for name in re.findall(r"client\(\s*\"([a-z0-9-]+)\"", path.read_text(encoding="utf-8"))
    }
    known = set(session.get_available_services())
    load = session.get_component("data_loader").load_service_model
    names = {
        xform_name(operation)
        for service in used & known
        for operation in load(service, "paginators-1")["pagination"]
    }
    # SageMaker's search, which nothing here calls, is the name of a regular expression's method.
    return frozenset(names - {"search"})


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def single_pages(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of each use of such a method that does not say how many it wants."""
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    limited = {call.func for call in calls if {each.arg for each in call.keywords} & LIMITS}
    called = {call.func for call in calls}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in paginated()
            and node not in limited
            # A method may be given on; `query` is also a part of an address.
            and ("_" in node.attr or node in called)
        ):
            yield node.lineno, node.attr


def test_every_list_is_read_to_its_end() -> None:
    assert len(paginated()) > 100
    found = {
        f"{name}:{line}: {method}"
        for path in sources()
        for name in [path.relative_to(ROOT).as_posix()]
        for line, method in single_pages(path.read_text(encoding="utf-8"))
        if method not in ONE_PAGE and (name, method) not in ONE_PAGE_IN
    }
    assert not found, "use get_paginator, or say how many are wanted"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("iot.list_thing_principals(thingName=x)", 1),
        ("self._if_any(self._iot.list_thing_principals, thingName=x)", 1),
        ("iot.list_things(maxResults=1)", 0),
        ("iot.get_paginator('list_things').paginate(thingTypeName=x)", 0),
        ("s3.list_objects_v2(Bucket=b)['Contents']", 1),
        ("iot.describe_thing(thingName=x)", 0),
        ("table.query(KeyConditionExpression=x)", 1),
        ("urlsplit(x).query", 0),
    ],
)
def test_what_counts_as_one_page(text: str, found: int) -> None:
    assert len(list(single_pages(text))) == found
