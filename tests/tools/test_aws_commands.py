# SPDX-License-Identifier: Apache-2.0
"""The AWS commands in the documents exist, with their options, in AWS's own service models."""

import re
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from tests.tools.test_readme import DOCUMENTS, name_of

# The CLI's own options, and those that it adds to `iot create-keys-and-certificate`.
_OF_THE_CLI = {"query", "output", "region", "profile"}
_OUTFILES = {"certificate-pem-outfile", "public-key-outfile", "private-key-outfile"}
# `aws s3` is written by hand in the CLI and has no model.
_WITHOUT_MODEL = {"s3"}


@cache
def operations(service):
    called = {"s3api": "s3"}.get(service, service)
    model = botocore.session.get_session().get_service_model(called)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def options(operation):
    members = operation.input_shape.members if operation.input_shape else {}
    for name, shape in members.items():
        yield xform_name(name, "-")
        if shape.type_name == "boolean":
            yield f"no-{xform_name(name, '-')}"


def required(operation):
    """Options that must be given; the CLI makes up tokens for idempotency itself."""
    shape = operation.input_shape
    for name in shape.required_members if shape else ():
        if not shape.members[name].metadata.get("idempotencyToken"):
            yield xform_name(name, "-")


def commands(text):
    """Each `aws` command of a document, with lines that go on joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for found in re.finditer(r"(?:^|[`(])\s*aws ([a-z0-9-]+) ([a-z0-9-]+)([^`\n]*)", joined, re.M):
        yield found[1], found[2], re.findall(r"--([a-z][a-z0-9-]*)", found[3])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_aws_command_is_one(document):
    for service, command, given in commands(document.read_text()):
        if service in _WITHOUT_MODEL:
            continue
        known = operations(service)
        assert command in known, f"aws {service} {command}"
        allowed = {*options(known[command]), *_OF_THE_CLI}
        if command == "create-keys-and-certificate":
            allowed |= _OUTFILES
        assert set(given) <= allowed, f"aws {service} {command}: {set(given) - allowed}"
        # Prose may name a command without its options.
        missing = set(required(known[command])) - {each.removeprefix("no-") for each in given}
        assert not given or not missing, f"aws {service} {command}: {missing}"


def test_a_wrong_command_would_be_found():
    text = "```\naws iot list-targets-for-policy \\\n  --policy x\n```\nand `aws sagemaker list-it`"
    found = list(commands(text))
    assert found == [
        ("iot", "list-targets-for-policy", ["policy"]),
        ("sagemaker", "list-it", []),
    ]
    assert "policy" not in set(options(operations("iot")["list-targets-for-policy"]))
    assert "list-it" not in operations("sagemaker")
