# SPDX-License-Identifier: Apache-2.0
"""The bin policy that a command line names."""

import tomllib
from pathlib import Path

from contracts.bins import BinPolicy


def read_policy(text: str) -> BinPolicy:
    """From JSON or from the ``[bins]`` of a TOML file. Raises ValueError or OSError."""
    if text.lstrip().startswith("{"):
        return BinPolicy.from_json(text)
    try:
        document = tomllib.loads(Path(text).read_text(encoding="utf-8"))
        bins = document["bins"]
        return BinPolicy(
            bins.get("classes", {}),
            default=bins.get("default", "landfill"),
            unsure_below=bins.get("unsure_below", 0.5),
        )
    except (KeyError, AttributeError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{text}: expected a table [bins]: {error}") from error
