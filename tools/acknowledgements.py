# SPDX-License-Identifier: Apache-2.0
"""Write docs/acknowledgements.md: every finding that is accepted, where, and why.

``python -m tools.acknowledgements`` synthesises all environments; with a folder of assemblies
(``python -m tools.assembly build FOLDER``) it reads those.
"""

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.command_line import run_command
from infra.checks.acknowledgements import acknowledgements
from infra.config import settings
from tools.assembly import build

PAGE = Path(__file__).resolve().parent.parent / "docs" / "acknowledgements.md"

_EXPORT = re.compile(r"PREFIX-\w+:Exports\w*?(?:GetAtt|Ref)(\w+?)[0-9A-F]{8}(\w*?)[0-9A-F]{8}")

_HEAD = """\
# Acknowledged findings

<!-- Written by `python -m tools.acknowledgements` from the templates. Do not edit by hand. -->

Every rule finding that Binsight accepts: on the smallest construct that has it, by its exact id,
with the reason. Any other finding fails synth; an acknowledgement that is no longer needed fails a
test. The templates contain the same reasons, under `Metadata` of the resource.

| finding | construct | environments | reason |
|---|---|---|---|
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    given = sys.argv[1:] if arguments is None else arguments
    with tempfile.TemporaryDirectory(prefix="binsight-assembly-") as scratch:
        folder = Path(given[0]) if given else Path(scratch) / "assembly"
        if not given:
            build(folder)
        PAGE.write_text(page({name: folder / name for name in settings.names()}), encoding="utf-8")
    return 0


def page(assemblies: Mapping[str, Path]) -> str:
    """The page for these assemblies, by environment."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, folder in sorted(assemblies.items()):
        one = settings.load(name)
        for found in acknowledgements(folder):
            row = tuple(_general(text, one) for text in (found.path, found.finding, found.reason))
            rows.setdefault((row[0], row[1], row[2]), []).append(name)
    lines = [
        f"| `{finding}` | {path} | {_where(names, assemblies)} | {_plain(reason)} |"
        for (path, finding, reason), names in sorted(rows.items())
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _where(names: Sequence[str], assemblies: Mapping[str, Path]) -> str:
    return "all" if set(names) == set(assemblies) else ", ".join(names)


def _plain(reason: str) -> str:
    """Markdown treats <prefix> as a tag."""
    return reason.replace("<", "&lt;").replace(">", "&gt;")


def _general(text: str, one: settings.Settings) -> str:
    """The text without the parts that differ between environments, escaped for a table."""
    for value, name in (
        (one.account, "ACCOUNT"),
        (one.region, "REGION"),
        (one.prefix, "PREFIX"),
        ("|", "\\|"),
    ):
        text = text.replace(value, name)
    # Code changes with every edit; exports contain a hash that means nothing to a reader.
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    return _EXPORT.sub(r"\1\2", text)


if __name__ == "__main__":
    sys.exit(run_command(main))
