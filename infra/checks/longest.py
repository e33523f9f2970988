# SPDX-License-Identifier: Apache-2.0
"""The largest length of a template's text once its references are resolved."""

import json
import re
from collections.abc import Mapping
from typing import Any

from infra.checks.template import Template, text
from infra.config.limits import NAMES

_BEFORE_THE_NAME = 60
"""``arn:aws:<service>:<region>:<account>:<kind>/`` is no longer."""
_GENERATED = 64
"""Names that CloudFormation generates are no longer, for the types in policies."""
_IMPORTED = 80
"""A bucket's ARN has at most 76 characters, a key's 75 in the longest region."""


def longest(template: Template, value: Any) -> str:
    """The value as text, with each reference replaced by the most letters that it can have."""

    def fill(found: re.Match[str]) -> str:
        name = found[1].partition(".")[0]
        resource = template.resources.get(name)
        if resource is None:
            return "x" * _IMPORTED
        key = NAMES.get(resource.type, ("", None))[0]
        given: Any = resource.properties
        for part in key.split("."):
            given = given.get(part) if isinstance(given, Mapping) else None
        length = len(given) if isinstance(given, str) else _GENERATED
        return "x" * (length + _BEFORE_THE_NAME)

    return re.sub(r"<([^<>\"]+)>", fill, text(value))


def document_size(template: Template, document: Any) -> int:
    """Characters of a policy document without white space, as AWS counts them."""
    return len(re.sub(r"\s", "", _json(template, document)))


def json_size(template: Template, document: Any) -> int:
    """Bytes of a document as compact JSON; JSON text is measured as it is."""
    if isinstance(document, str) or _is_function(document):
        return len(longest(template, document).encode())
    return len(_json(template, document).encode())


def _json(template: Template, document: Any) -> str:
    def plain(value: Any) -> Any:
        if _is_function(value):
            return longest(template, value)
        if isinstance(value, Mapping):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return value

    return json.dumps(plain(document), separators=(",", ":"), ensure_ascii=False)


def _is_function(value: Any) -> bool:
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    [name] = value
    return name == "Ref" or str(name).startswith("Fn::")
