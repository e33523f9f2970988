# SPDX-License-Identifier: Apache-2.0
"""List, add, move and retire the cameras of an environment, and revoke enrolment kits.

    make cameras ENV=prod                              # the list
    make cameras ENV=prod ADD=serials.csv              # expect these (or ADD=serial,site)
    make cameras ENV=prod CANARY=7 DRY=1               # print what would be done
    make cameras ENV=prod RETIRE=7

Cameras are named by serial number; SERIAL,SERIAL names several. With DRY=1 nothing is changed.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import load
from tools.account import AccountError, session_for
from tools.camera_fleet import Fleet, Step
from tools.camera_list import Camera, CameraList, EnrolmentError, checked, read_cameras
from tools.camera_tables import print_list, print_troubles


def main() -> int:
    """Carry out the command, step by step; return the exit status."""
    given = _parser().parse_args()
    try:
        settings = load(given.environment)
        session = session_for(settings)
        known = CameraList(session, settings)
        fleet = Fleet(session, settings, known)
        actions = list(_asked(given, fleet))
        if not actions:
            print_list(known, fleet)
            print_troubles(session, settings, known, given.environment)
            return 0
        for title, steps in actions:
            print(title)
            run(steps, dry=given.dry_run)
    except (SettingsError, AccountError, EnrolmentError) as error:
        print(f"cameras: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"cameras: {error}; run it again to continue from here", file=sys.stderr)
        return 1
    return 0


def run(steps: Iterable[Step], *, dry: bool) -> None:
    """Carry out the steps in order and print each one first; ``dry``: only print them."""
    for words, call in steps:
        print(f"  {'would ' if dry else ''}{words}", flush=True)
        if not dry:
            call()


def _asked(given: argparse.Namespace, fleet: Fleet) -> Iterator[tuple[str, Iterable[Step]]]:
    if given.add:
        yield f"add {given.add}", _add(given.add, fleet)
    for group in ("canary", "fleet"):
        for serial in _several(getattr(given, group)):
            yield f"camera {serial}: to the {group} group", fleet.move(serial, group)
    for serial in _several(given.retire):
        yield f"camera {serial}: retire", fleet.retire(serial)
    for serial in _several(given.expect):
        yield f"camera {serial}: enrol again", fleet.expect(serial)
    for serial in _several(given.rotate):
        yield f"camera {serial}: rotate its certificate", fleet.rotate(serial)
    for each in _several(given.rotated):
        serial, _, certificate = each.rpartition(":")
        yield f"camera {serial}: keep certificate {certificate}", fleet.rotated(serial, certificate)
    for kit in _several(given.revoke):
        yield f"kit {kit}: revoke", fleet.revoke(kit)


def _add(asked: str, fleet: Fleet) -> Iterator[Step]:
    path = Path(asked).expanduser()
    if path.is_file():
        cameras = read_cameras(path)
    else:
        cameras = [checked(Camera(*asked.split(",", 1)), where=f"ADD={asked}")]
    for camera in cameras:
        shown = f"{camera.serial}{f' at {camera.site}' if camera.site else ''}"
        yield f"expect {shown}", partial(_expect, fleet, camera)


def _expect(fleet: Fleet, camera: Camera) -> None:
    for _change in fleet.known.add([camera]):
        pass


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--add", default="", help="a CSV file of serial,site; or serial,site")
    parser.add_argument("--canary", default="", help="serial numbers that get models first")
    parser.add_argument("--fleet", default="", help="serial numbers that get models later")
    parser.add_argument("--retire", default="", help="serial numbers of cameras that are gone")
    parser.add_argument("--expect", default="", help="serial numbers that may enrol again")
    parser.add_argument("--rotate", default="", help="serial numbers that get a new certificate")
    parser.add_argument("--rotated", default="", help="SERIAL:CERTIFICATE that the box uses now")
    parser.add_argument("--revoke", default="", help="kits that must no longer enrol cameras")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
