# SPDX-License-Identifier: Apache-2.0
"""CloudFormation values as text: intrinsic functions resolved as far as a template allows.

A logical id is written «Id» inside; ``shown`` makes it readable. Comparing uses the full id, so two
resources never become one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from template_review.model import Assembly, Stack

_ID = re.compile(r"«([^»]+)»")
_CDK_HASH = re.compile(r"(?<=[A-Za-z0-9])[0-9A-F]{8}$")
_CONTENT = re.compile(r"(?<=Version)[0-9a-f]{10,}$")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def short(logical_id: str) -> str:
    """The logical id without the hashes of its path and of a version's content."""
    return _CONTENT.sub("", _CDK_HASH.sub("", logical_id))


def shown(text: str) -> str:
    """Text for people: logical ids are short."""
    return _ID.sub(lambda match: short(match.group(1)), text)


def compact(value: Any) -> str:
    """A value on one line, the same for equal values."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Texts:
    """Renders the values of one assembly's templates."""

    def __init__(self, assembly: Assembly) -> None:
        """Learn what the stacks export and what the assets are called."""
        self._assets = assembly.assets
        self._exports: dict[str, tuple[Any, Stack]] = {}
        for stack in assembly.stacks.values():
            for output in (stack.template.get("Outputs") or {}).values():
                name = (output.get("Export") or {}).get("Name")
                if isinstance(name, str):
                    self._exports[name] = (output.get("Value"), stack)

    def text(self, value: Any, stack: Stack) -> str:
        """The value as one string."""
        return compact(self.value(value, stack))

    def value(self, value: Any, stack: Stack) -> Any:
        """The value with every intrinsic function in it replaced by text."""
        if isinstance(value, str):
            return self._masked(value)
        if isinstance(value, list):
            return [self.value(each, stack) for each in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            found = self._intrinsic(name, argument, stack)
            if found is not None:
                return found
        return {key: self.value(each, stack) for key, each in value.items()}

    @staticmethod
    def parse(value: Any) -> Any:
        """Text that holds JSON, as what it holds; anything else as it is."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value

    def document(self, value: Any, stack: Stack) -> Any:
        """A JSON document that a template holds as an object, a string or a joined string."""
        return self.parse(self.value(value, stack))

    def _intrinsic(  # noqa: PLR0911 - one line per function
        self, name: str, argument: Any, stack: Stack
    ) -> str | None:
        if name == "Ref" and isinstance(argument, str):
            return _reference(argument, stack)
        if name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else list(argument)
            attribute = self.text(parts[1], stack)
            return f"«{parts[0]}»" if attribute == "Arn" else f"«{parts[0]}».{attribute}"
        if name == "Fn::Join" and isinstance(argument, list) and isinstance(argument[1], list):
            return str(argument[0]).join(self.text(each, stack) for each in argument[1])
        if name == "Fn::Sub":
            return self._substituted(argument, stack)
        if name == "Fn::ImportValue":
            export = self.text(argument, stack)
            if export in self._exports:
                exported, owner = self._exports[export]
                return self.text(exported, owner)
            return f"export {export}"
        return None

    def _substituted(self, argument: Any, stack: Stack) -> str:
        template, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return self.text(own[name], stack)
            if "." in name:
                return self._intrinsic("Fn::GetAtt", name, stack) or name
            return _reference(name, stack)

        return re.sub(r"\$\{([^}]+)\}", replace, self._masked(template))

    def _masked(self, text: str) -> str:
        """Asset hashes become the asset's name: what changed in it is said elsewhere."""
        return _DIGEST.sub(
            lambda match: (
                f"asset:{self._assets[match.group()].name}"
                if match.group() in self._assets
                else match.group()
            ),
            text,
        )


def _reference(name: str, stack: Stack) -> str:
    known = {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::StackName": stack.name,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    return known.get(name) or (name if name.startswith("AWS::") else f"«{name}»")
