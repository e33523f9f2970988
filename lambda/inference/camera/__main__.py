# SPDX-License-Identifier: Apache-2.0
"""Try the camera program on a laptop.

``python -m camera --source 'dir:photos?hold=6' --model model.tar.gz`` (with ``lambda/inference``
and the repository's root on PYTHONPATH) prints what a camera would publish.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import threading
import time
import webbrowser
from pathlib import Path

from camera.messaging.publishers import open_publisher
from camera.model.engine import ModelError
from camera.model.model_store import ModelStore
from camera.page.access import Access
from camera.program import Program
from camera.settings import Settings
from camera.signals import EndSignals
from contracts.bins import read_policy
from contracts.command_line import run_command
from contracts.given import given_path
from contracts.messages import ModelName
from contracts.model_archive import ArchiveError, file_digest
from contracts.topics import Topics


def main(arguments: list[str] | None = None) -> int:
    """Run until the source ends or Ctrl-C; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="camera", description="Sort the items that a source shows."
    )
    parser.add_argument("--source", required=True, help="dir:/path?follow=0&hold=6&gap=4&fps=15")
    parser.add_argument(
        "--model", type=given_path, help="model.tar.gz; without it, nothing is detected"
    )
    parser.add_argument("--publisher", default="print", help="print or https:<endpoint>")
    parser.add_argument("--folder", type=Path, help="model folder (default: a temporary one)")
    parser.add_argument("--thing", default="laptop")
    parser.add_argument("--prefix", default="binsight", help="topic prefix")
    parser.add_argument(
        "--bins", default='{"classes":{}}', help="bin policy: JSON, or a TOML file with [bins]"
    )
    parser.add_argument(
        "--page", default="off", help="where to serve the page, 127.0.0.1:8080 for example"
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--stay", action="store_true", help="keep running after the source has ended"
    )
    parser.add_argument("--telemetry-seconds", type=float, default=60)
    parser.add_argument("--smoothing-frames", type=int, default=5)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    scratch = None if options.folder else tempfile.mkdtemp(prefix="binsight-camera-")
    try:
        settings = Settings(
            thing=options.thing,
            topics=Topics(options.prefix),
            source=_with_class_folders(options.source),
            model_folder=options.folder or Path(str(scratch)),
            bins=read_policy(options.bins),
            page=None if options.page == "off" else _page(options.page),
            telemetry_seconds=options.telemetry_seconds,
            smoothing_frames=options.smoothing_frames,
        )
        return _run(settings, options)
    except (ArchiveError, ModelError, OSError, ValueError) as error:
        print(f"camera: {error}", file=sys.stderr)
        return 1
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def _with_class_folders(uri: str) -> str:
    """On a laptop the folder often contains class folders: their photos are shown, too."""
    if not uri.startswith("dir:") or "folders=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}folders=1"


def _page(address: str) -> Access:
    """The page's address; if the port is taken, the next free one, which is printed."""
    asked = Access.from_settings(address)
    found = asked.on_free_port()
    if found.port != asked.port:
        print(f"page: port {asked.port} is taken; using {found.port}", file=sys.stderr, flush=True)
    return found


def _run(settings: Settings, options: argparse.Namespace) -> int:
    program = Program(settings, publisher=open_publisher(options.publisher))
    archive = options.model
    if archive is not None:
        digest = file_digest(archive)
        store = ModelStore(settings.model_folder, threads=settings.threads)
        store.prepare()
        model = store.stage(archive, name=ModelName(digest=digest, version="local"))
        store.commit(model)
        program.loop.swap(model)
    thread = threading.Thread(target=program.run, name="camera", daemon=True)
    told = EndSignals()
    thread.start()
    if settings.page is not None:
        _announce(program, told, open_it=options.open)
    while not told:
        if options.stay:
            time.sleep(0.1)
        elif program.source_ended.wait(0.1):
            program.finish(timeout=10)
            break
    program.stop.set()
    thread.join(timeout=5)
    return 0


def _announce(program: Program, told: EndSignals, *, open_it: bool) -> None:
    """Print the page's address, or that its port is taken, which does not end the program."""
    deadline = time.monotonic() + 10
    while not program.page_url and time.monotonic() < deadline:
        time.sleep(0.05)
        if told:
            return
    if program.page_url:
        print(f"page: {program.page_url}", file=sys.stderr, flush=True)
        if open_it:
            webbrowser.open(program.page_url)
    else:
        print(f"no page: {program.live().problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_command(main))
