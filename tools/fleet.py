# SPDX-License-Identifier: Apache-2.0
"""Show every camera: `make fleet ENV=prod`. Prints a table and writes a page beside it.

``CAMERA=name`` shows one camera's day from the archive instead. Uses the environment's reader role.
"""

import argparse
import difflib
import re
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import load
from tools.account import AccountError
from tools.ask import drawn
from tools.ask_athena import AskError, Insights, ask, reader
from tools.fleet_page import page
from tools.fleet_state import read, read_cameras
from tools.fleet_table import table

_THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_DAY = "date >= cast(cast(current_date - interval '1' day as date) as varchar)"


def main() -> int:
    """Print the table and write the page; 1 if the fleet cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--camera", default="", help="CAMERA=: a thing's name")
    parser.add_argument("--out", type=Path, required=True, help="the page that is written")
    arguments = parser.parse_args()
    if arguments.camera and not _THING.fullmatch(arguments.camera):
        parser.error(f"CAMERA={arguments.camera!r}: allowed: 1 to 128 of a-z, A-Z, 0-9, :, _ and -")
    try:
        insights = reader(load(arguments.environment))
        if arguments.camera:
            print(camera_day(insights, arguments.camera))
            return 0
        fleet = read(insights, arguments.environment)
    except (AskError, AccountError, SettingsError, BotoCoreError, ClientError) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1
    print(table(fleet))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(page(fleet), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")
    return 0


def camera_day(insights: Insights, thing: str) -> str:
    """A camera's messages since yesterday, by hour. Raises AskError for an unknown camera."""
    telemetry = f"""
    SELECT substr(cast(from_unixtime(received_ms / 1000) AS varchar), 1, 13) AS hour,
    count(*) AS messages, round(avg(fps), 1) AS fps, round(max(p99_ms), 0) AS p99_ms,
    max(temperature_c) AS hottest_c, max(undelivered) AS waiting, max(problem) AS problem
    FROM telemetry WHERE thing = '{thing}' AND {_DAY}
    GROUP BY substr(cast(from_unixtime(received_ms / 1000) AS varchar), 1, 13) ORDER BY hour
    """  # noqa: S608 - the name was checked
    items = f"""
    SELECT class, bin, count(DISTINCT sequence) AS items, round(avg(confidence), 2) AS confidence
    FROM detections WHERE thing = '{thing}' AND {_DAY} GROUP BY class, bin ORDER BY items DESC
    """  # noqa: S608 - the name was checked
    hours, sorted_items = ask(insights, telemetry)[0], ask(insights, items)[0]
    if not hours and not sorted_items:
        _require(insights, thing)
    return f"{thing}: telemetry by hour\n{drawn(hours)}\n\nItems\n{drawn(sorted_items)}"


def _require(insights: Insights, thing: str) -> None:
    known = [camera.thing for camera in read_cameras(insights, time.time_ns() // 1_000_000)]
    if thing not in known:
        near = difflib.get_close_matches(thing, known, n=3, cutoff=0.5)
        shown = f"; the nearest: {', '.join(near)}" if near else ""
        raise AskError(f"CAMERA={thing}: allowed: one of the {len(known)} cameras{shown}")


if __name__ == "__main__":
    sys.exit(run_command(main))
