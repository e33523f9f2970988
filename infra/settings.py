# SPDX-License-Identifier: Apache-2.0
"""Everything that may differ between environments, as one frozen typed object.

``load("dev")`` reads ``environments/dev.toml``. Whatever is wrong in the file is reported at once,
one line each, with the file, the key, the value and what is allowed.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from contracts.bins import BINS, BinPolicy
from contracts.topics import Topics
from infra.regions import REGIONS
from infra.settings_errors import SettingsError, explain

__all__ = ("Settings", "SettingsError", "folder", "load", "names")

ENVIRONMENTS = Path(__file__).resolve().parent.parent / "environments"


def _check_region(value: str) -> str:
    if value not in REGIONS:
        raise ValueError(f"one of {', '.join(REGIONS)}")
    return value


def _check_bin(value: str) -> str:
    if value not in BINS:
        raise ValueError(f"one of {', '.join(BINS)}")
    return value


def _check_topic_prefix(value: str) -> str:
    return Topics(value).prefix


def _check_cron(value: str) -> str:
    if not re.fullmatch(r"(cron\((\S+ ){5}\S+\)|rate\([1-9]\d* (minute|hour|day)s?\))", value):
        raise ValueError("cron(<six fields>) or rate(<n> minutes|hours|days)")
    return value


Days = Annotated[int, Field(ge=1, le=3650)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Bin = Annotated[str, AfterValidator(_check_bin)]
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]
"""CloudWatch Logs takes these numbers of days only."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataSettings(_Section):
    """How long things are kept."""

    noncurrent_days: Days = 30
    captures_days: Days = 30
    runs_days: Days = 90
    archive_days: Days = 730
    access_log_days: Days = 90
    log_days: LogDays = 90


class TrainingSettings(_Section):
    """What is trained, on what, and who approves it."""

    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "trash"
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m5.xlarge"
    volume_gb: Annotated[int, Field(ge=10, le=1000)] = 30
    maximum_minutes: Annotated[int, Field(ge=5, le=1440)] = 120
    epochs: Annotated[int, Field(ge=1, le=1000)] = 30
    image_size: Annotated[int, Field(ge=32, le=512)] = 96
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    minimum_accuracy: Fraction = 0.6
    approval: Literal["automatic", "manual"] = "manual"
    schedule: Annotated[str, AfterValidator(_check_cron)] | None = None


class BinSettings(_Section):
    """Which class goes into which bin in this city."""

    default: Bin = "landfill"
    unsure_below: Fraction = 0.5
    classes: dict[str, Bin] = {}

    def policy(self) -> BinPolicy:
        """The policy as the camera reads it."""
        return BinPolicy(self.classes, default=self.default, unsure_below=self.unsure_below)


class CameraSettings(_Section):
    """What every camera of this environment is told."""

    topic_prefix: Annotated[str, AfterValidator(_check_topic_prefix)] = "binsight"
    source: Annotated[str, Field(pattern=r"^(v4l2|dir|file|rtsp|awscam):.+$")] = "v4l2:/dev/video0"
    model_folder: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")] = "/var/lib/binsight/models"
    telemetry_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    smoothing_frames: Annotated[int, Field(ge=1, le=60)] = 5
    arrival_frames: Annotated[int, Field(ge=1, le=60)] = 2
    departure_frames: Annotated[int, Field(ge=1, le=60)] = 3


class RolloutSettings(_Section):
    """How fast an approved model, or a new camera program, reaches the cameras."""

    bake_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    check_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    timeout_minutes: Annotated[int, Field(ge=1, le=10080)] = 60
    cameras_per_minute: Annotated[int, Field(ge=1, le=1000)] = 10
    maximum_failed_percent: Annotated[int, Field(ge=1, le=100)] = 20


class InsightSettings(_Section):
    """Who is told, and when."""

    alert_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    delivery_seconds: Annotated[int, Field(ge=0, le=900)] = 300
    delivery_late_minutes: Annotated[int, Field(ge=5, le=1440)] = 30
    problem_reports: Annotated[int, Field(ge=1, le=10000)] = 1


class Settings(_Section):
    """One environment."""

    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    region: Annotated[str, AfterValidator(_check_region)]
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$")]
    removal: Literal["destroy", "retain"]
    permissions_boundary: Annotated[str, Field(pattern=r"^[\w+=,.@/-]{1,128}$")] | None = None
    tags: dict[str, Annotated[str, Field(max_length=256)]] = {}
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()
    bins: BinSettings = BinSettings()
    camera: CameraSettings = CameraSettings()
    rollout: RolloutSettings = RolloutSettings()
    insights: InsightSettings = InsightSettings()

    @property
    def keeps_data(self) -> bool:
        """Whether deleting the stacks leaves what cannot be made again."""
        return self.removal == "retain"

    @property
    def topics(self) -> Topics:
        """The MQTT topics of this environment."""
        return Topics(self.camera.topic_prefix)


def folder() -> Path:
    """Where the environment files are; BINSIGHT_ENVIRONMENTS may name another place (tests)."""
    return Path(os.environ.get("BINSIGHT_ENVIRONMENTS") or ENVIRONMENTS)


def names() -> list[str]:
    """The environments there are."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def load(name: str) -> Settings:
    """The settings of one environment. Raises SettingsError, which says all that is wrong."""
    path = folder() / f"{name}.toml"
    if name not in names():
        raise SettingsError(
            f"environment {name!r}: no file {path}; there are: {', '.join(names()) or 'none'}"
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return Settings.model_validate(document)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, path, Settings))) from error
