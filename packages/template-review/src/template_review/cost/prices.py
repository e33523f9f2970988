# SPDX-License-Identifier: Apache-2.0
"""The price table, and the use that a cost estimate assumes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from template_review.errors import ReviewError

HOURS = 730.0
"""Hours in a month."""
DAYS = 30.0
"""Days in a month."""
_TEXTS = ("as_of", "checked", "source", "region")
_TABLES = ("resource_month", "instance_hour", "unit", "region_factor")
_UNITS = (
    *("dynamodb_million_writes", "firehose_gb", "greengrass_device_month"),
    *("iot_device_connected_month", "iot_million_actions", "iot_million_messages"),
    *("iot_million_rules", "logs_gb", "logs_gb_month", "s3_gb_month", "volume_gb_month"),
)


@dataclass(frozen=True)
class Use:
    """How much an environment is used; templates cannot say that."""

    devices: int = 10
    messages_per_day: tuple[tuple[str, float], ...] = (("*", 1000.0),)
    """Messages that one device publishes per day to topics matching a pattern. The first pattern
    that matches a topic counts."""
    pipeline_runs: int = 4
    """Runs of each training pipeline per month."""
    hours_per_step: float = 0.5
    stored_gb: float = 20.0
    """Stored in each bucket, in GB."""

    @property
    def words(self) -> str:
        """The assumptions in one sentence fragment."""
        messages = " and ".join(
            f"{count:g} messages a day" + ("" if pattern == "*" else f" on {pattern}")
            for pattern, count in self.messages_per_day
        )
        return (
            f"{self.devices} devices with {messages} each, {self.pipeline_runs} pipeline runs a "
            f"month of {self.hours_per_step:g} h per step, {self.stored_gb:g} GB per bucket"
        )

    def millions(self, topic: str | None = None) -> float:
        """Millions of messages per month, on one topic or (without a topic) on all of them."""
        found = (
            count
            for pattern, count in self.messages_per_day
            if topic is None or fnmatch(topic, pattern)
        )
        per_day = sum(found) if topic is None else next(found, 0.0)
        return self.devices * per_day * DAYS / 1e6


@dataclass(frozen=True)
class Prices:
    """US dollars, dated and with their source."""

    as_of: str
    checked: str
    source: str
    region: str
    resource_month: Mapping[str, float]
    instance_hour: Mapping[str, float]
    unit: Mapping[str, float]
    region_factor: Mapping[str, float]

    @property
    def words(self) -> str:
        """Which prices these are, to be shown beside every amount."""
        return f"list prices of {self.as_of}"

    def factor(self, region: str) -> float:
        """How prices of a region compare with the table's; an unknown region counts as the most
        expensive one."""
        most = max(self.region_factor.values(), default=1.0)
        return self.region_factor.get(region, 1.0 if region == self.region else most)

    def machine(self, name: str) -> float:
        """Dollars per hour of a machine; an unknown one counts as the most expensive one."""
        return self.instance_hour.get(name, max(self.instance_hour.values(), default=0.0))


@cache
def list_prices() -> Prices:
    """The table that comes with the package."""
    return read_prices(Path(__file__).with_name("prices.toml"))


def read_prices(path: Path) -> Prices:
    """A price table from a TOML file. Raises ReviewError naming the file, the key and its form."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path}: not a readable price table: {error}") from error
    unknown = sorted(document.keys() - {*_TEXTS, *_TABLES})
    if unknown:
        raise ReviewError(f"{path}: {unknown[0]}: allowed keys: {', '.join((*_TEXTS, *_TABLES))}")
    for key in _TEXTS:
        if not isinstance(document.get(key), str) or not document[key].strip():
            raise ReviewError(f"{path}: {key} = {document.get(key)!r}: a text is needed")
    for key in _TABLES:
        _check_amounts(path, key, document.setdefault(key, {}))
    missing = sorted(set(_UNITS) ^ document["unit"].keys())
    if missing:
        raise ReviewError(
            f"{path}: unit.{missing[0]}: exactly these are needed: {', '.join(_UNITS)}"
        )
    return Prices(**document)


def _check_amounts(path: Path, key: str, table: Any) -> None:
    if not isinstance(table, Mapping):
        raise ReviewError(f"{path}: {key} = {table!r}: a table of numbers is needed")
    for name, amount in table.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0:
            raise ReviewError(
                f"{path}: {key}.{name} = {amount!r}: 0 or a positive number is needed"
            )
