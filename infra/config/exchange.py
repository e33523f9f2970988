# SPDX-License-Identifier: Apache-2.0
"""Which environment takes approved models of which other one, and the names that both sides use.

An environment with ``[training] from = "other"`` does not train. Each side is deployed separately,
and either may be first, so the names by which one refers to the other are defined here.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.config.settings import Settings, SettingsError, folder, load, names


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """``source``: whose models an environment takes; ``receivers``: who takes its own, by name."""

    source_name: str = ""
    source: Settings | None = None
    receivers: Mapping[str, Settings] = field(default_factory=dict)


def exchange_of(name: str) -> Exchange:
    """The environments that this one exchanges models with.

    SettingsError if the file of an environment that takes its models has errors: without that
    environment, the next deployment would remove its permissions.
    """
    source_name = load(name).training.source or ""
    return Exchange(
        source_name=source_name,
        source=load(source_name) if source_name else None,
        receivers={other: load(other) for other in _takers(name)},
    )


def model_package_group(settings: Settings) -> str:
    """The name of an environment's model package group."""
    return f"{settings.prefix}-models"


def bus_arn(settings: Settings) -> str:
    """The ARN of the event bus on which an environment receives another one's approvals."""
    return f"arn:aws:events:{settings.region}:{settings.account}:event-bus/{bus_name(settings)}"


def bus_name(settings: Settings) -> str:
    """The name of that bus."""
    return f"{settings.prefix}-promotion"


def promotion_function(settings: Settings) -> str:
    """The name of the function that copies models into an environment."""
    return f"{settings.prefix}-promotion"


def reader_role(settings: Settings) -> str:
    """The role of an environment that others assume to read its approved models.

    Roles are global in an account, so the name contains the region.
    """
    return f"{settings.prefix}-models-{settings.region}"


def promotion_role(settings: Settings) -> str:
    """The role of the function that copies models into an environment."""
    return f"{settings.prefix}-promotion-{settings.region}"


def forwarding_role(settings: Settings) -> str:
    """The role with which an environment's event bus forwards approvals to others."""
    return f"{settings.prefix}-approvals-{settings.region}"


def role_arn(settings: Settings, role: str) -> str:
    """The ARN of one of these roles in the environment's account."""
    return f"arn:aws:iam::{settings.account}:role/{role}"


def _takers(name: str) -> Iterator[str]:
    """The environments whose files name this one; a file that is not TOML names none."""
    for other in names():
        try:
            text = (folder() / f"{other}.toml").read_text(encoding="utf-8-sig")
            training = tomllib.loads(text).get("training")
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        if isinstance(training, dict) and training.get("from") == name:
            try:
                load(other)
            except SettingsError as error:
                raise SettingsError(f"{error}\n(it takes the models of {name!r})") from error
            yield other
