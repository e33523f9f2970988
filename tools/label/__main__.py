# SPDX-License-Identifier: Apache-2.0
"""Label the captures of an environment's cameras: `make label ENV=dev`.

Opens a page on this machine. Labelled photos go into the dataset bucket; a new manifest, which
starts the training, is written only after a confirmation on the page. Captures of an environment
that takes its models from another one become photos of that one's dataset.
"""

import argparse
import datetime
import functools
import secrets
import sys
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import (
    AccountError,
    describe,
    outputs,
    session_for,
    stack_name,
)
from tools.label.captures import Captures
from tools.label.desk import Desk, DeskError
from tools.label.known import read_known
from tools.label.photos import Photos, classes_of
from tools.label.server import LabelServer
from training.dataset.listing import DatasetError

CACHE = Path(".build/label")


def main() -> int:
    """Serve the page until the manifest is written or Ctrl-C is pressed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument(
        "--dataset-profile",
        default="",
        help="DATASET_PROFILE=: an AWS profile of the account that trains, if that is another one",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.environment)
        dataset = dataset_of(settings, profile=arguments.dataset_profile)
        desk = open_desk(
            session_for(settings), settings, cache=CACHE, progress=_say, dataset=dataset
        )
        _say(f"{desk.left} captures; classes: {', '.join(desk.classes)}")
        if not desk.left and settings.camera.captures != "upload":
            _say(
                f"camera.captures = {settings.camera.captures!r} in {arguments.environment}: its "
                'cameras upload nothing; set it to "upload"'
            )
        with LabelServer(desk, environment=arguments.environment) as server:
            _say(f"{server.url}\nCtrl-C saves what you labelled and ends.")
            if not arguments.no_browser:
                webbrowser.open(server.url)
            _wait(server)
            desk.settle()
    except (
        SettingsError,
        AccountError,
        DatasetError,
        DeskError,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"label: {error}", file=sys.stderr)
        return 1
    _say(", ".join(f"{count} {name}" for name, count in desk.counts.items()) or "nothing labelled")
    if server.manifest:
        _say(f"{server.manifest} is written; the training starts")
    else:
        _say("No manifest was written. The next session's manifest names these photos as well.")
    return 0


@dataclass(frozen=True, kw_only=True)
class DatasetPlace:
    """The environment whose dataset gets the photos, and a session in its account."""

    session: boto3.Session
    settings: Settings


def dataset_of(settings: Settings, *, profile: str = "") -> DatasetPlace:
    """The environment that trains, whose dataset gets the photos.

    That is the environment itself, or the one that it takes models from; for another account
    ``profile`` names an AWS profile. Raises AccountError if a profile is missing or must not be
    given.
    """
    source = settings.training.source
    if source is None:
        if profile:
            raise AccountError(
                f"DATASET_PROFILE={profile}: {settings.prefix} trains its own models; allowed: "
                "only for an environment with [training] from"
            )
        return DatasetPlace(session=session_for(settings), settings=settings)
    trains = load(source)
    if not profile and trains.account != settings.account:
        raise AccountError(
            f"{settings.prefix} takes the models of {source} (training.from), so its captures "
            f"become photos of {source}'s dataset in account {trains.account}: set "
            f"DATASET_PROFILE to an AWS profile with the operator's permissions there"
        )
    return DatasetPlace(session=session_for(trains, profile=profile), settings=trains)


def open_desk(
    session: boto3.Session,
    settings: Settings,
    *,
    cache: Path,
    progress: Callable[[str], None],
    dataset: DatasetPlace | None = None,
) -> Desk:
    """The desk of an environment. Raises DatasetError where it is not deployed.

    ``cache`` is a folder for the fingerprints of known photos. ``dataset`` is where photos go; None
    is the environment itself.
    """
    place = dataset or DatasetPlace(session=session, settings=settings)
    photo_bucket = _data_outputs(place.session, place.settings)["DatasetBucket"]
    captures = _data_outputs(session, settings)["CapturesBucket"]
    name = place.settings.training.dataset
    photos = Photos(
        place.session.client("s3"),
        bucket=photo_bucket,
        name=name,
        who=place.session.client("sts").get_caller_identity()["Arn"],
        site_of=functools.cache(functools.partial(_site_of, session.client("iot"))),
        session=f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
    )
    known = read_known(
        photos.known(),
        photos.read,
        cache=cache / f"{photo_bucket}-{name.replace('/', '_')}.json",
        progress=progress,
    )
    classes = classes_of(photos.manifest()[0], list(settings.bins.classes))
    return Desk(Captures(session.client("s3"), captures), photos, known, classes)


def _data_outputs(session: boto3.Session, settings: Settings) -> dict[str, str]:
    """The outputs of an environment's data stack. DatasetError where there is none."""
    stack = stack_name(settings, "Data")
    described = describe(session, stack)
    if described is None:
        raise DatasetError(f"there is no stack {stack}; deploy the environment first")
    return outputs(described)


def _site_of(iot: Any, camera: str) -> str:
    """A camera's site; empty if it is retired or cannot be read."""
    try:
        return str(iot.describe_thing(thingName=camera).get("attributes", {}).get("site", ""))
    except (ClientError, BotoCoreError):
        return ""


def _wait(server: LabelServer) -> None:
    try:
        server.finished.wait()
        time.sleep(1)  # the page's last answer is on its way
    except KeyboardInterrupt:
        print()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(run_command(main))
