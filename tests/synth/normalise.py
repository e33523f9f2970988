# SPDX-License-Identifier: Apache-2.0
"""Templates as a person reviews them: sorted, without digests, JSON text unfolded."""

import json
import re
from typing import Any

_DIGESTS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\bInferenceVersion[0-9a-f]{12}[0-9A-F]{8}\b"), "InferenceVersion<digest>"),
    (re.compile(r"\bContent [0-9a-f]{16}\b"), "Content <digest>"),
    # The folder that a notebook instance unpacks the code into.
    (re.compile(r"\bbinsight-[0-9a-f]{12}\b"), "binsight-<digest>"),
    # The two numbers of a component version that come from its content.
    (re.compile(r'"\.\d{1,6}\.\d{1,6}"'), '".<n>.<n>"'),
    (re.compile(r'(?<=["/])1\.\d{1,6}\.\d{1,6}(?=["/])'), "1.<n>.<n>"),
)


def normalise(template: dict[str, Any]) -> str:
    """The template's text for a snapshot.

    Digests change with every edit of the code and say nothing to a reviewer (what is inside an
    asset has tests of its own).
    """
    text = json.dumps(_unfold(template), indent=1, sort_keys=True) + "\n"
    for pattern, mask in _DIGESTS:
        text = pattern.sub(mask, text)
    return text


def _unfold(value: Any) -> Any:
    """Show JSON that a template carries as text (a pipeline, a state machine) as what it is."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Join"} and value["Fn::Join"][0] == "":
            return _parsed("".join(_name(part) for part in value["Fn::Join"][1]), value)
        return {key: _unfold(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unfold(inner) for inner in value]
    return _parsed(value, value) if isinstance(value, str) else value


def _parsed(text: str, otherwise: Any) -> Any:
    if not text.startswith("{"):
        return otherwise
    try:
        return {"(JSON text)": json.loads(text)}
    except json.JSONDecodeError:
        return otherwise


def _name(part: Any) -> str:
    if isinstance(part, str):
        return part
    [(function, argument)] = part.items()
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    return f"<{argument}>" if function == "Ref" else f"<{function} {json.dumps(argument)[1:-1]}>"
