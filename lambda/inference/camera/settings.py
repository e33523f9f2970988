# SPDX-License-Identifier: Apache-2.0
"""What a camera is told: typed settings, read from the component's environment variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from camera.page.access import Access
from contracts.bins import BinPolicy
from contracts.topics import Topics

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it, its value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one camera.

    ``smoothing_frames`` frames of an item are averaged before it is reported; an item has arrived
    after ``arrival_frames`` frames and has left after ``departure_frames`` frames without it.
    ``outbox_size`` detections are kept while the broker is away. ``page``: where the camera's own
    web page is, if anywhere. ``captures``: whether unsure frames are kept (``local``) or uploaded
    (``upload``), at most ``captures_per_hour``.
    """

    thing: str
    topics: Topics
    source: str = field(repr=False)
    model_folder: Path
    bins: BinPolicy
    telemetry_seconds: float = 60
    publisher: str = "greengrass"
    component_version: str = ""
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
    unknown: tuple[str, ...] = field(default=())


_PREFIX = "BINSIGHT_"
_KNOWN = {
    "TOPIC_PREFIX",
    "SOURCE",
    "MODEL_FOLDER",
    "BINS",
    "TELEMETRY_SECONDS",
    "PUBLISHER",
    "COMPONENT_CONTENT",
    "COMPONENT_VERSION",
    "REVISION",
    "SMOOTHING_FRAMES",
    "ARRIVAL_FRAMES",
    "DEPARTURE_FRAMES",
    "THREADS",
    "OUTBOX_SIZE",
    "CAPTURES",
    "CAPTURES_BUCKET",
    "CAPTURES_PER_HOUR",
    "PAGE",
    "PAGE_TOKEN",
    "PAGE_CERTIFICATE",
    "PAGE_KEY",
}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError for the first that is missing or wrong.

    An unknown ``BINSIGHT_`` variable is not an error, because an older program must run with a
    newer configuration after a rollback; it is listed in ``unknown``.
    """
    reader = _Reader(environment)
    found = {name.removeprefix(_PREFIX) for name in environment if name.startswith(_PREFIX)}
    return Settings(
        thing=reader.text("AWS_IOT_THING_NAME"),
        topics=reader.parsed("BINSIGHT_TOPIC_PREFIX", Topics),
        source=reader.text("BINSIGHT_SOURCE"),
        model_folder=reader.parsed("BINSIGHT_MODEL_FOLDER", _absolute),
        bins=reader.parsed("BINSIGHT_BINS", BinPolicy.from_json),
        telemetry_seconds=reader.number("BINSIGHT_TELEMETRY_SECONDS", 60, low=1, high=86400),
        publisher=reader.text("BINSIGHT_PUBLISHER", "greengrass"),
        component_version=environment.get("BINSIGHT_COMPONENT_VERSION", ""),
        smoothing_frames=reader.count("BINSIGHT_SMOOTHING_FRAMES", 5, high=60),
        arrival_frames=reader.count("BINSIGHT_ARRIVAL_FRAMES", 2, high=60),
        departure_frames=reader.count("BINSIGHT_DEPARTURE_FRAMES", 3, high=60),
        threads=reader.count("BINSIGHT_THREADS", 1, high=4),
        outbox_size=reader.count("BINSIGHT_OUTBOX_SIZE", 1000, high=100_000),
        page=_page(environment),
        captures=_captures(environment),
        captures_bucket=environment.get("BINSIGHT_CAPTURES_BUCKET", "").strip(),
        captures_per_hour=reader.count("BINSIGHT_CAPTURES_PER_HOUR", 12, high=3600),
        region=environment.get("AWS_REGION", "").strip(),
        unknown=tuple(sorted(_PREFIX + name for name in found - _KNOWN)),
    )


@dataclass(frozen=True)
class _Reader:
    environment: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        value = self.environment.get(name, "").strip() or default
        if not value:
            raise SettingsError(f"environment variable {name} is missing")
        return value

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        value = self.text(name)
        try:
            return parse(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"environment variable {name} = {value!r}: {error}") from error

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise SettingsError(
                f"environment variable {name} = {value!r}: allowed are {low:g} to {high:g}"
            )
        return number

    def count(self, name: str, default: int, *, high: int) -> int:
        number = self.number(name, default, low=1, high=high)
        if number != int(number):
            raise SettingsError(f"environment variable {name} = {number:g}: not a whole number")
        return int(number)


def _captures(environment: Mapping[str, str]) -> str:
    """Off by default: frames may show people."""
    value = environment.get("BINSIGHT_CAPTURES", "").strip() or "off"
    if value not in {"off", "local", "upload"}:
        raise SettingsError(
            f"environment variable BINSIGHT_CAPTURES = {value!r}: allowed are off, local, upload"
        )
    for name in ("BINSIGHT_CAPTURES_BUCKET", "AWS_REGION"):
        if value == "upload" and not environment.get(name, "").strip():
            raise SettingsError(f"environment variable {name} is missing: captures are uploaded")
    return value


def _page(environment: Mapping[str, str]) -> Access | None:
    """Off by default: a port belongs to whoever runs the device."""
    address = environment.get("BINSIGHT_PAGE", "").strip() or "off"
    if address == "off":
        return None
    try:
        return Access.from_settings(
            address,
            token=environment.get("BINSIGHT_PAGE_TOKEN", "").strip(),
            certificate=environment.get("BINSIGHT_PAGE_CERTIFICATE", "").strip(),
            key=environment.get("BINSIGHT_PAGE_KEY", "").strip(),
        )
    except ValueError as error:
        raise SettingsError(f"environment variable BINSIGHT_PAGE = {address!r}: {error}") from error


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path
