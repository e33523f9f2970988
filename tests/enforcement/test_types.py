# SPDX-License-Identifier: Apache-2.0
"""The local AWS knows every resource type of our templates, and refuses every name twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from edge_testing.named import NAMED
from infra.config.training_machines import MACHINES
from ministack_edge.enforcement import handlers
from ministack_edge.sagemaker.job_limits import has_own_disk
from template_review.comparison.schema import own_name
from tests.conftest import ROOT


def ours() -> Iterator[tuple[str, dict[str, Any]]]:
    """Type and properties of each resource of the committed snapshots."""
    for path in (ROOT / "tests" / "synth" / "snapshots").rglob("*.json"):
        for one in json.loads(path.read_text(encoding="utf-8"))["Resources"].values():
            yield one["Type"], one.get("Properties", {})


def test_what_cloudformation_must_be_allowed_is_known_of_every_type() -> None:
    assert {kind for kind, _ in ours() if not kind.startswith("Custom::")} <= handlers.known()


def test_every_type_that_our_templates_name_is_created_twice_in_a_test() -> None:
    """packages/ministack-edge/tests/test_refusals.py does it."""
    named = {
        kind
        for kind, properties in ours()
        if any(isinstance(value, str) for value in own_name(kind, properties).values())
    }
    # Names within another resource of the stack.
    assert named - set(NAMED) <= {"AWS::Glue::Table", "AWS::Logs::LogStream"}


def test_both_sides_agree_on_which_machines_have_disks_of_their_own() -> None:
    """Written apart, from different sources."""
    assert {name for name in MACHINES if has_own_disk(name)} == {
        name for name, machine in MACHINES.items() if machine.local_disk
    }
