# SPDX-License-Identifier: Apache-2.0
"""Ask the camera program to adopt a model archive, and wait for its answer.

Runs on the camera as a step of the model component: alone, with the system's Python (3.8 or newer)
and the standard library only. Exit status: 0 adopted, 1 refused, 2 no answer, 3 cannot ask.

Files in the model folder, which is shared with the camera program::

    incoming/<digest>.tar.gz           the archive, written atomically
    incoming/<digest>.request.json     {"digest", "version", "nonce"}
    incoming/<digest>.answer.json      {"adopted", "reason", "nonce"}, written by the camera
    current.json                       {"digest", "version"} of the model in use
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import time
import uuid
from pathlib import Path

ADOPTED, REFUSED, UNANSWERED, IMPOSSIBLE = 0, 1, 2, 3
_POLL_SECONDS = 0.1
_ENDING = (signal.SIGINT, signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Command line: copy, ask, wait; print the result and return the exit status."""
    parser = argparse.ArgumentParser(description="Ask the Binsight camera to adopt a model.")
    parser.add_argument("--archive", type=Path, required=True, help="model.tar.gz")
    parser.add_argument("--digest", required=True, help="SHA-256 of the archive, hexadecimal")
    parser.add_argument("--version", default="", help="version that messages will name")
    parser.add_argument("--folder", type=Path, required=True, help="the camera's model folder")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait")
    options = parser.parse_args(arguments)
    stopped = StopSignals()
    try:
        status, message = adopt(
            archive=options.archive,
            digest=options.digest.lower(),
            version=options.version,
            folder=options.folder,
            timeout=options.timeout,
            stopped=stopped,
        )
    except OSError as error:
        status, message = IMPOSSIBLE, f"cannot use {error.filename}: {error.strerror}"
    print(f"adopt {options.digest[:12]}: {message}", flush=True)
    return status


class StopSignals:
    """True once SIGTERM or SIGINT arrived. The handler only sets a flag, which the waiting code
    checks.

    A nucleus stops a step with SIGTERM, and a second signal must not interrupt the withdrawal of
    the request.
    """

    def __init__(self) -> None:
        self._came = False
        for number in _ENDING:
            signal.signal(number, self._note)
        # While it exits, Python restores the default actions: another signal would kill the
        # process.
        atexit.register(_ignore)

    def __bool__(self) -> bool:
        return self._came

    def _note(self, _number: int, _frame: object) -> None:
        self._came = True


def _ignore() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def adopt(
    *,
    archive: Path,
    digest: str,
    version: str,
    folder: Path,
    timeout: float,
    stopped: StopSignals | None = None,
) -> tuple[int, str]:
    """Ask the camera to adopt an archive; return the exit status and a message.

    Never leaves a request behind that a camera could follow later, even if ``stopped`` becomes true
    while it waits.
    """
    found = _sha256(archive)
    if found != digest:
        return IMPOSSIBLE, f"{archive.name} has SHA-256 {found}: it was damaged during the download"
    current = _read(folder / "current.json")
    if current.get("digest") == digest and current.get("version") in (version, None):
        return ADOPTED, "is already the model in use"
    incoming = folder / "incoming"
    wait = Wait(timeout, stopped)
    _make(incoming, wait)
    request, answer = (incoming / f"{digest}.{kind}.json" for kind in ("request", "answer"))
    parcel = incoming / f"{digest}.tar.gz"
    nonce = uuid.uuid4().hex
    try:
        _copy(archive, parcel)
        text = json.dumps({"digest": digest, "version": version, "nonce": nonce})
        _write(request, text)
        reply = _wait(answer, wait, nonce=nonce)
    finally:
        for path in (request, answer, parcel):
            _remove(path)
    if reply is None:
        if current.get("digest") == digest:
            return ADOPTED, f"is already the model in use, as version {current.get('version')}"
        no_answer = f"no answer in {timeout:g} s: is the inference component running?"
        return UNANSWERED, "stopped by a signal; request withdrawn" if stopped else no_answer
    if reply.get("adopted") is True:
        return ADOPTED, str(reply.get("reason") or "adopted")
    return REFUSED, f"refused: {reply.get('reason') or 'no reason given'}"


class Wait:
    """Counts the remaining seconds, and ends early once ``stopped`` is true."""

    def __init__(self, seconds: float, stopped: StopSignals | None) -> None:
        self._deadline = time.monotonic() + seconds
        self._stopped = stopped

    @property
    def over(self) -> bool:
        return bool(self._stopped) or time.monotonic() >= self._deadline


def _make(folder: Path, wait: Wait) -> None:
    """Create a folder as soon as possible.

    On a new camera the program's install step creates the model folder as root; a nucleus does not
    wait for that before it runs this script.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return
        except OSError:
            if wait.over:
                raise
        time.sleep(_POLL_SECONDS)


def _wait(answer: Path, wait: Wait, *, nonce: str) -> dict[str, object] | None:
    while not wait.over:
        reply = _read(answer)
        if reply.get("nonce") == nonce:
            return reply
        time.sleep(_POLL_SECONDS)
    return None


def _read(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with source.open("rb") as reader, part.open("wb") as writer:
            shutil.copyfileobj(reader, writer)
            writer.flush()
            os.fsync(writer.fileno())
        part.replace(target)
    finally:
        _remove(part)


def _write(target: Path, text: str) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(target)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
