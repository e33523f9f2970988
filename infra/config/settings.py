# SPDX-License-Identifier: Apache-2.0
"""Everything that may differ between environments, as one frozen typed object.

``load("dev")`` reads ``environments/dev.toml``. All errors in the file are reported together, one
line each, with the file, the key, the value and what is allowed.
"""

import json
import os
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo

from contracts.bins import (
    ALL_BINS,
    BINS,
    DEFAULT_BIN,
    UNSURE_BELOW,
    BinPolicy,
    bins_of,
    contradiction,
)
from contracts.class_names import unusable
from contracts.recipes import MAXIMUM_CONFIGURATION_VALUE
from contracts.topics import Topics
from infra.config.base import Fraction, Section
from infra.config.camera import CameraSettings
from infra.config.data import DataSettings
from infra.config.errors import BOUNDARY, EMAIL, SettingsError, explain, toml_hint
from infra.config.regions import REGIONS
from infra.config.settings_limits import over_limits
from infra.config.training import BATCH_SIZES, WITHOUT_WEIGHTS, TrainingSettings

__all__ = ("Settings", "SettingsError", "folder", "load", "names")

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "environments"


def _check_account(value: str) -> str:
    # Also of a text without digits: tools/reference.py asks each check for what is allowed.
    if not value.strip("0").isdigit():
        raise ValueError("not only zeros")
    return value


def _check_region(value: str) -> str:
    if value not in REGIONS:
        raise ValueError(f"one of {', '.join(REGIONS)}")
    return value


def _check_bin(value: str, info: ValidationInfo) -> str:
    # Where the colours are wrong, that is said, not this.
    allowed = tuple(info.data.get("colours") or BINS)
    if "colours" in info.data and value not in allowed:
        raise ValueError(f"one of {', '.join(allowed)}")
    return value


def _check_classes(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        # Blanks around it do not count, as in a policy.
        plain = unicodedata.normalize("NFC", name.strip())
        if not plain:
            raise ValueError("a name for each class")
        if problem := unusable(plain):
            raise ValueError(f"names that a dataset's class can have; {name!r} is none: {problem}")
    if problem := contradiction(value):
        raise ValueError(problem)
    return value


def _check_colours(value: dict[str, str]) -> dict[str, str]:
    if value:
        bins_of(value.items())
    for name in value:
        # It is a folder's name too, as a class is.
        if problem := unusable(unicodedata.normalize("NFC", name)):
            raise ValueError(f"names of bins like those of classes; {name!r} is none: {problem}")
    return value


def _check_email(value: str) -> str:
    mailbox, at, _ = value.partition("@")
    if not at or len(mailbox) > _LONGEST_MAILBOX:
        raise ValueError(f"an e-mail address with at most {_LONGEST_MAILBOX} characters before @")
    return value


_LONGEST_MAILBOX = 64
Email = Annotated[str, Field(pattern=EMAIL, max_length=254), AfterValidator(_check_email)]
Bin = Annotated[str, AfterValidator(_check_bin)]


class BinSettings(Section):
    """Which class goes into which bin in this city."""

    colours: Annotated[dict[str, str], AfterValidator(_check_colours)] = Field(default_factory=dict)
    default: Annotated[Bin, Field(validate_default=True)] = DEFAULT_BIN
    unsure_below: Fraction = UNSURE_BELOW
    classes: Annotated[dict[str, Bin], AfterValidator(_check_classes)] = Field(default_factory=dict)

    def policy(self) -> BinPolicy:
        """The policy as the camera reads it."""
        return BinPolicy(
            self.classes,
            default=self.default,
            unsure_below=self.unsure_below,
            bins=bins_of(self.colours.items()) if self.colours else ALL_BINS,
        )


class RolloutSettings(Section):
    """How fast an approved model, or a new camera program, reaches the cameras."""

    bake_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    check_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    look_seconds: Annotated[int, Field(ge=1, le=3600)] = 120
    timeout_minutes: Annotated[int, Field(ge=1, le=10080)] = 60
    cameras_per_minute: Annotated[int, Field(ge=1, le=1000)] = 10
    maximum_failed_percent: Annotated[int, Field(ge=1, le=100)] = 20
    minimum_fps: Annotated[int, Field(ge=0, le=1000)] = 1
    maximum_latency_ms: Annotated[int, Field(ge=1, le=60_000)] = 1000
    maximum_slowdown_percent: Annotated[int, Field(ge=10, le=10_000)] = 100
    false_alarm_percent: Annotated[int, Field(ge=1, le=50)] = 1


class InsightSettings(Section):
    """Who receives alerts, and when."""

    alert_email: Email | None = None
    delivery_seconds: Annotated[int, Field(ge=0, le=900)] = 300
    delivery_late_minutes: Annotated[int, Field(ge=5, le=1440)] = 30
    problem_cameras: Annotated[int, Field(ge=1, le=10000)] = 1
    silent_cameras: Annotated[int, Field(ge=1, le=10000)] = 1
    budget_usd: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


class Settings(Section):
    """One environment."""

    account: Annotated[str, Field(pattern=r"^[0-9]{12}$"), AfterValidator(_check_account)]
    region: Annotated[str, AfterValidator(_check_region)]
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$")]
    removal: Literal["destroy", "retain"]
    permissions_boundary: Annotated[str, Field(pattern=BOUNDARY, max_length=128)] | None = None
    tags: dict[str, Annotated[str, Field(max_length=256)]] = Field(default_factory=dict)
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()
    bins: BinSettings = BinSettings()
    camera: CameraSettings = CameraSettings()
    rollout: RolloutSettings = RolloutSettings()
    insights: InsightSettings = InsightSettings()

    @property
    def keeps_data(self) -> bool:
        """Whether data that cannot be recreated is kept when the stacks are deleted."""
        return self.removal == "retain"

    @property
    def topics(self) -> Topics:
        """The MQTT topics of this environment."""
        return Topics(self.camera.topic_prefix)


def folder() -> Path:
    """Where the environment files are; BINSIGHT_ENVIRONMENTS may name another place (tests)."""
    return Path(os.environ.get("BINSIGHT_ENVIRONMENTS") or ENVIRONMENTS)


def names() -> list[str]:
    """The names of all environments."""
    # Editors and macOS put hidden files beside the one that is edited (.#dev.toml, ._dev.toml).
    found = [path for path in folder().glob("*.toml") if not path.name.startswith(".")]
    return sorted(path.stem for path in found if not path.is_dir())


def load(name: str) -> Settings:
    """The settings of one environment. Raises SettingsError, which lists all errors."""
    settings = _load(name)
    if faults := list(_source_faults(name, settings)):
        raise SettingsError("\n".join(f"{folder() / name}.toml: {fault}" for fault in faults))
    return settings


def _load(name: str) -> Settings:
    """The settings of one environment, right by themselves."""
    path = folder() / f"{name}.toml"
    if name not in names():
        raise SettingsError(
            f"environment {name!r}: no file {path}; there are: {', '.join(names()) or 'none'}"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error
    try:
        settings = Settings.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, path, Settings))) from error
    except (ValueError, RecursionError) as error:  # tomllib has errors of its own, and passes on
        raise SettingsError(f"{path}: not TOML: {error}{toml_hint(text, error)}") from error
    if faults := [*_contradictions(settings), *over_limits(settings)]:
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in faults))
    return settings


def _source_faults(name: str, settings: Settings) -> Iterator[str]:
    """What is wrong with the environment that this one takes its models of."""
    training = settings.training
    if training.source is None:
        return
    key = f"training.from = {training.source!r}"
    others = [other for other in names() if other != name]
    if training.source not in others:
        itself = ", not this one" if training.source == name else ""
        yield f"{key}: allowed: another environment ({', '.join(others) or 'none yet'}){itself}"
        return
    for unused in training.unused:
        yield (
            f"training.{unused} = {getattr(training, unused)!r}: allowed: nothing beside "
            f"{key}, because this environment does not train (approval may stay)"
        )
    try:
        source = _load(training.source)
    except SettingsError as error:
        yield f"{key}: allowed: an environment without faults: {error}"
        return
    if source.training.source is not None:
        yield (
            f"{key}: allowed: an environment that trains, and {training.source} takes its models "
            f"from {source.training.source}: name {source.training.source} instead"
        )


def _contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong between keys that are right by themselves."""
    training, data, camera = settings.training, settings.data, settings.camera
    if training.cache_days >= data.runs_days:
        yield (
            f"training.cache_days = {training.cache_days}: allowed: less than data.runs_days = "
            f"{data.runs_days}, because the result of a reused step is deleted after that time"
        )
    if training.weights and training.network in WITHOUT_WEIGHTS:
        yield (
            f"training.weights = {training.weights!r}: allowed: '' with training.network = "
            f"{training.network!r}, which learns from scratch"
        )
    batch, processes = BATCH_SIZES[training.network], training.processes
    if processes > 1 and (batch % processes or batch // processes < 2):
        gpus = max(1, training.machine.gpus)
        allowed = [n for n in range(1, 17) if batch % (n * gpus) == 0 and batch // (n * gpus) > 1]
        shown = ", ".join(map(str, allowed)) or "none; choose a smaller instance_type"
        yield (
            f"training.instance_count = {training.instance_count}: allowed: {shown} with "
            f"{training.instance_type} ({gpus} processes each), because they share "
            f"the {batch} photos of a step of {training.network}, at least two each"
        )
    insights = settings.insights
    if settings.keeps_data and insights.alert_email is None:
        yield (
            "insights.alert_email is missing: allowed: the e-mail address that receives alerts. "
            "removal = 'retain' requires it, because faults would otherwise go unnoticed"
        )
    if insights.budget_usd is not None and insights.alert_email is None:
        yield (
            f"insights.budget_usd = {insights.budget_usd}: allowed: only with "
            "insights.alert_email, which gets the budget's mails"
        )
    yield from _notebook_contradictions(training)
    if camera.packaging == "lambda" and camera.nucleus == "any":
        yield (
            "camera.nucleus = 'any': allowed: 'java' while camera.packaging is 'lambda', because "
            "no other nucleus runs Lambda components"
        )
    size = len(json.dumps(settings.bins.policy().to_json()))
    if camera.packaging == "generic" and size > MAXIMUM_CONFIGURATION_VALUE:
        yield (
            f"bins.classes: as JSON text {size} characters: allowed: "
            f"{MAXIMUM_CONFIGURATION_VALUE}, because nucleus lite accepts no longer value"
        )


def _notebook_contradictions(training: TrainingSettings) -> Iterator[str]:
    if training.notebook_subnet is not None and training.notebook is None:
        yield (
            f"training.notebook_subnet = {training.notebook_subnet!r}: allowed: only with "
            "training.notebook, whose network it is"
        )
    if (training.notebook_subnet is None) != (training.notebook_security_group is None):
        yield (
            "training.notebook_subnet and training.notebook_security_group: allowed: both or none"
        )
