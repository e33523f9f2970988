# SPDX-License-Identifier: Apache-2.0
"""The camera program's settings, read from the component's environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from camera.page.access import Access
from contracts.bins import BinPolicy
from contracts.components import PROGRAM_VERSION
from contracts.environment import Reader
from contracts.topics import Topics


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it, its value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one camera.

    ``smoothing_frames`` frames of an item are averaged before it is reported; an item has arrived
    after ``arrival_frames`` frames and has left after ``departure_frames`` frames without it. Up to
    ``outbox_size`` detections are stored while the broker is unreachable. ``page``: the address of
    the camera's web page, if there is one. ``captures``: whether unsure frames are kept (``local``)
    or uploaded (``upload``), at most ``captures_per_hour``. ``program``: the component's version.
    """

    thing: str
    topics: Topics
    source: str = field(repr=False)
    model_folder: Path
    bins: BinPolicy
    telemetry_seconds: float = 60
    publisher: str = "greengrass"
    smoothing_frames: int = 5
    arrival_frames: int = 2
    departure_frames: int = 3
    threads: int = 1
    outbox_size: int = 1000
    page: Access | None = None
    captures: str = "off"
    captures_bucket: str = ""
    captures_per_hour: int = 12
    region: str = ""
    program: str = ""
    unknown: tuple[str, ...] = field(default=())


_PREFIX = "BINSIGHT_"
_NOT_READ = {"BINSIGHT_COMPONENT_CONTENT", "BINSIGHT_REVISION"}
"""Set by the packagings so that a nucleus restarts the program when necessary."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError for the first that is missing or wrong.

    An unknown ``BINSIGHT_`` variable is not an error, because an older program must run with a
    newer configuration after a rollback; it is listed in ``unknown``.
    """
    reader = Reader(environment, error=SettingsError)
    settings = Settings(
        thing=reader.text("AWS_IOT_THING_NAME"),
        topics=reader.parsed("BINSIGHT_TOPIC_PREFIX", Topics),
        source=reader.text("BINSIGHT_SOURCE"),
        model_folder=reader.parsed("BINSIGHT_MODEL_FOLDER", _absolute),
        bins=reader.parsed("BINSIGHT_BINS", BinPolicy.from_json),
        telemetry_seconds=reader.number("BINSIGHT_TELEMETRY_SECONDS", 60, low=1, high=86400),
        publisher=reader.text("BINSIGHT_PUBLISHER", "greengrass"),
        smoothing_frames=reader.count("BINSIGHT_SMOOTHING_FRAMES", 5, high=60),
        arrival_frames=reader.count("BINSIGHT_ARRIVAL_FRAMES", 2, high=60),
        departure_frames=reader.count("BINSIGHT_DEPARTURE_FRAMES", 3, high=60),
        threads=reader.count("BINSIGHT_THREADS", 1, high=4),
        outbox_size=reader.count("BINSIGHT_OUTBOX_SIZE", 1000, high=100_000),
        page=_page(reader),
        captures=_captures(reader),
        captures_bucket=reader.text("BINSIGHT_CAPTURES_BUCKET", ""),
        captures_per_hour=reader.count("BINSIGHT_CAPTURES_PER_HOUR", 12, high=3600),
        region=reader.text("AWS_REGION", ""),
        program=reader.text(PROGRAM_VERSION, ""),
    )
    found = {name for name in environment if name.startswith(_PREFIX)}
    return replace(settings, unknown=tuple(sorted(found - reader.asked - _NOT_READ)))


def _captures(reader: Reader) -> str:
    """Off by default: frames may show people."""
    value = reader.one_of("BINSIGHT_CAPTURES", "off", allowed=("off", "local", "upload"))
    for name in ("BINSIGHT_CAPTURES_BUCKET", "AWS_REGION"):
        if value == "upload" and not reader.text(name, ""):
            raise SettingsError(f"environment variable {name} is missing: captures are uploaded")
    return value


def _page(reader: Reader) -> Access | None:
    """Off by default: the device's owner decides about open ports."""
    address = reader.text("BINSIGHT_PAGE", "off")
    token, certificate, key = (
        reader.text(f"BINSIGHT_PAGE_{name}", "") for name in ("TOKEN", "CERTIFICATE", "KEY")
    )
    if address == "off":
        return None
    try:
        return Access.from_settings(address, token=token, certificate=certificate, key=key)
    except ValueError as error:
        raise SettingsError(f"environment variable BINSIGHT_PAGE = {address!r}: {error}") from error


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path
