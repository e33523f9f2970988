# SPDX-License-Identifier: Apache-2.0
"""Checks whether an account may use the machines that an environment trains on.

New accounts often have a quota of 0 for a type, which shows only when the first training fails.
Uses the credentials in the environment, as any AWS command does.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.regions import TRAINING_SUPPORTED_UNTIL
from infra.config.settings import Settings, load
from tools.account import AccountError, session_for

SERVICE = "sagemaker"
_UNDECIDED = {"AccessDenied", "AccessDeniedException"}


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota of the account: how many the environment needs, and the quota's value."""

    name: str
    code: str
    needed: int
    value: float

    @property
    def enough(self) -> bool:
        return self.value >= self.needed

    def __str__(self) -> str:
        return f"{self.name}: {self.value:g}, needed: {self.needed}"


class QuotaError(Exception):
    """Quotas that are too small or cannot be read; the message says what to do."""


def needed(settings: Settings) -> dict[str, int]:
    """Machines that run at once, by the quota's name."""
    training = settings.training
    if training.source:
        return {}
    use = "spot training job" if training.spot else "training job"
    found = {
        f"{training.processing_machine.name} for processing job usage": 1,
        f"{training.instance_type} for {use} usage": training.instance_count,
    }
    if training.notebook:
        found[f"{training.notebook} for notebook instance usage"] = 1
    return found


def quotas(client: Any, settings: Settings) -> list[Quota]:
    """The value of each quota in Service Quotas. ``client`` is boto3's for service-quotas."""
    wanted = needed(settings)
    listed = {
        item["QuotaName"]: item
        for page in client.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE)
        for item in page["Quotas"]
        if item["QuotaName"] in wanted
    }
    if missing := sorted(set(wanted) - set(listed)):
        raise QuotaError(
            f"Service Quotas has no quota {missing[0]!r} in {settings.region}: SageMaker does not "
            "offer this instance type there; choose another training.instance_type"
        )
    return [
        Quota(name=name, code=listed[name]["QuotaCode"], needed=count, value=listed[name]["Value"])
        for name, count in wanted.items()
    ]


def check(client: Any, settings: Settings) -> list[Quota]:
    """The quotas, if all are large enough. Raises QuotaError, which says how to request more."""
    found = quotas(client, settings)
    if short := [quota for quota in found if not quota.enough]:
        raise QuotaError("\n".join(_advice(short, settings.region)))
    return found


def check_or_warn(client: Any, settings: Settings) -> str:
    """Like ``check``, also for callers that cannot read quotas: a sentence about the result.

    Raises QuotaError only if a quota is known to be too small.
    """
    try:
        return f"quotas: {'; '.join(map(str, check(client, settings)))}"
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNDECIDED:
            raise
        names = ", ".join(needed(settings))
        return f"quotas: not checked, because these credentials may not ({names}): {error}"


def _advice(short: list[Quota], region: str) -> Iterator[str]:
    yield "this account's quotas do not allow the instances that training needs:"
    for quota in short:
        yield f"  {quota}"
    yield "Request more (granted within minutes or days), or choose another instance type:"
    for quota in short:
        yield (
            f"  aws service-quotas request-service-quota-increase --region {region} "
            f"--service-code {SERVICE} --quota-code {quota.code} --desired-value {quota.needed}"
        )


def main() -> int:
    """Report each quota and how long the training image is supported; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    try:
        settings = load(parser.parse_args().environment)
        for quota in check(session_for(settings).client("service-quotas"), settings):
            print(quota)
    except (SettingsError, AccountError, QuotaError, BotoCoreError, ClientError) as error:
        print(f"check-quotas: {error}", file=sys.stderr)
        return 1
    days = (date.fromisoformat(TRAINING_SUPPORTED_UNTIL) - date.today()).days
    left = (
        f"{days} days" if days > 0 else "no longer: a newer version of Binsight has a newer image"
    )
    print(f"training image: patched by AWS until {TRAINING_SUPPORTED_UNTIL} ({left})")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
