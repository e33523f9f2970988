# SPDX-License-Identifier: Apache-2.0
"""A file that holds an IAM policy, compared as rights and not as text."""

import json
from collections.abc import Iterator

from template_review.iam.items import iam_items
from template_review.model import Assembly, Level, Pair, Stack

_WHO = "WhoeverGetsThisPolicy"


def policy_changes(before: str, after: str) -> Iterator[tuple[Level, str]]:
    """The rights that a policy gives or takes; LOOK where it cannot be read."""
    try:
        pair = Pair("", _assembly(before), _assembly(after))
        items = iam_items(pair)
    except (ValueError, AttributeError) as error:
        yield Level.LOOK, f"not a readable policy: {error}"
        return
    for item in items:
        yield max(item.level, Level.LOOK), item.text
    if not items:
        yield Level.LOOK, "written differently, the rights are the same"


def _assembly(text: str) -> Assembly:
    document = json.loads(text) if text else {"Statement": []}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [{"Ref": "Policy"}]}}
    template = {"Resources": {"Policy": policy, _WHO: role}}
    return Assembly("", "", {"File": Stack("File", "file", "*", "*", template)})
