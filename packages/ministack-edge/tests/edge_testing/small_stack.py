# SPDX-License-Identifier: Apache-2.0
"""Creates and changes the stack of template.py; several of them live beside each other."""

from __future__ import annotations

from typing import Any

from edge_testing.template import template


def describe(cloudformation: Any, name: str) -> Any:
    """The stack as CloudFormation describes it."""
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]


def outputs_of(stack: Any) -> dict[str, str]:
    """A described stack's outputs."""
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def create(cloudformation: Any, until: Any, name: str) -> dict[str, str]:
    """Create the stack; return its outputs."""
    cloudformation.create_stack(StackName=name, TemplateBody=template(name=name))
    status = _settled(cloudformation, until, name)
    reasons = [
        event.get("ResourceStatusReason")
        for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert status == "CREATE_COMPLETE", reasons
    return outputs_of(describe(cloudformation, name))


def change(cloudformation: Any, until: Any, name: str, **arguments: Any) -> str:
    """Update the stack; return its status afterwards."""
    body = template(name=name, **arguments)
    cloudformation.update_stack(StackName=name, TemplateBody=body)
    return _settled(cloudformation, until, name)


def _settled(cloudformation: Any, until: Any, name: str) -> str:
    def done() -> Any:
        status = describe(cloudformation, name)["StackStatus"]
        return status if not status.endswith("IN_PROGRESS") else None

    status: str = until(done, what=f"stack {name}")
    return status
