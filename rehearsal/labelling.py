# SPDX-License-Identifier: Apache-2.0
"""A script instead of a person at the page of `make label`; it uses HTTP like a browser."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from rehearsal.commands import Operator
from rehearsal.errors import RehearsalError

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+/")
_SECONDS = 60


def label_captures(
    operator: Operator,
    *,
    class_name: str,
    keys: Collection[str],
    progress: Callable[[str], None],
) -> dict[str, int]:
    """Label these captures with a class and skip the others; write the manifest.

    Returns how many were labelled, skipped, or not shown as near duplicates. Raises RehearsalError
    with what the page or the program said.
    """
    with operator.start("tools.label", "--no-browser") as program:
        try:
            page = _page(program)
            state = _asked(f"{page}state")
            done: Counter[str] = Counter()
            while (capture := state["capture"]) is not None:
                kind = "label" if capture["key"] in keys else "skip"
                body = {"key": capture["key"], "kind": kind, "class": class_name}
                state = _asked(f"{page}decide", body)
                done[kind] += 1
                progress(f"{done['label']} labelled")
            plan = _asked(f"{page}settle", {})["plan"]
            if not plan["new"].get(class_name):
                raise RehearsalError(f"the new manifest would have no {class_name}: {plan}")
            counts = _asked(f"{page}manifest", {})["counts"]
            output, _ = program.communicate(timeout=_SECONDS)
        finally:
            program.kill()
    if program.returncode:
        raise RehearsalError(f"tools.label failed: {output.strip()}")
    return {str(name): int(count) for name, count in counts.items()}


def _page(program: "subprocess.Popen[str]") -> str:
    said = []
    for line in program.stdout or ():
        said.append(line)
        if found := _ADDRESS.search(line):
            return found.group()
    raise RehearsalError(f"tools.label gave no address: {''.join(said).strip()}")


def _asked(address: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data)  # noqa: S310 - the page on this machine
    # Never use the machine's proxy for loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise RehearsalError(f"the page of make label: {error.read().decode()}") from error
    return found
