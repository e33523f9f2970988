# SPDX-License-Identifier: Apache-2.0
"""Why a rehearsal did not finish: its stage, its error, and the end of the logs of that stage."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal.taking import HEARS, IS_TOLD

LINES = 30
"""How many lines of the end of a log are shown."""

# Below the folder of another account too, where there are others.
_CDK = ("cdk.log", "*/cdk.log")
_JOBS = ("local-aws/jobs/*/*/*/log.txt",)
_CAMERAS = ("cameras/*/*.log", "*/cameras/*/*.log")
_SERVER = ("local-aws/local-aws.log",)
_LOGS = {
    "dataset": (),
    "local AWS": _SERVER,
    "people": _SERVER,
    "synth": _CDK,
    "bootstrap": _CDK,
    "deploy": _CDK,
    "deploy again": _CDK,
    f"deploy {HEARS}": _CDK,
    f"deploy {IS_TOLD}": _CDK,
    "training": _JOBS,
    "notebook": _JOBS,
    "cameras": _CAMERAS,
    "roll out": _CAMERAS,
    "rotation": _CAMERAS,
    "sort photos": _CAMERAS,
    "unknown kind": _CAMERAS,
    "label": _SERVER,
    "train again": _JOBS,
    "sort the new kind": _CAMERAS,
    "promotion by event": _SERVER,
    "promotion by command": _SERVER,
    "fourth account": _SERVER,
    "expiry": _SERVER,
    "stopped trainings": _JOBS,
    "destroy": _CDK,
}
"""By stage: where its logs are, as patterns below the work folder."""
_MOST_LOGS = 2


def explain(work: Path) -> Iterator[str]:
    """Lines for a person, from what the last rehearsal left in ``work``."""
    report = work / "report.json"
    if not report.exists():
        yield f"No rehearsal has left a report in {work}; start one with: make rehearse"
        return
    document: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    unfinished = [stage for stage in document["stages"] if stage["status"] != "done"]
    if not document["error"] and not unfinished:
        yield f"The last rehearsal finished. Report: {report}"
        return
    stage = unfinished[-1] if unfinished else {"name": "", "status": "failed"}
    place = f" in stage '{stage['name']}'" if stage["name"] else ""
    if "interrupted" in (stage["status"], document["error"]):
        yield f"The last rehearsal was interrupted{place}"
    else:
        yield f"The last rehearsal failed{place}: {document['error']}"
    logs = _newest(work, _LOGS.get(stage["name"], _SERVER))
    for log in logs:
        yield ""
        yield f"The end of {log}:"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from (f"  {line}" for line in lines[-LINES:])
    yield ""
    yield f"All logs: {work / 'cdk.log'}, {work / 'local-aws'}, {work / 'cameras'}"


def _newest(work: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = [path for pattern in patterns for path in work.glob(pattern)]
    return sorted(found, key=lambda path: path.stat().st_mtime)[-_MOST_LOGS:]
