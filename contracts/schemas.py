# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schemas of the messages: ``python -m contracts.schemas`` writes them."""

import json
import sys
from pathlib import Path

from contracts.command_line import run_command
from contracts.detection import Detection
from contracts.messages import SCHEMA, Message
from contracts.telemetry import Telemetry

FOLDER = Path(__file__).with_name("schema")
PUBLISHED: dict[str, type[Message]] = {"detection": Detection, "telemetry": Telemetry}


def text_of(name: str) -> str:
    """The text of ``contracts/schema/<name>.json``.

    Additional keys are allowed, because a newer camera may send more.
    """
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:binsight:{name}:{SCHEMA}",
        "title": name,
        **PUBLISHED[name].schema(),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all schemas."""
    FOLDER.mkdir(exist_ok=True)
    for name in PUBLISHED:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_command(main))
