# SPDX-License-Identifier: Apache-2.0
"""Settings of the promotion function, read from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.environment import Reader


class PromotionError(Exception):
    """Nothing was promoted; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where models come from, and where they go."""

    source: str
    """The environment that trains, by its name."""
    source_account: str
    source_region: str
    source_group: str
    source_role: str
    """The role to assume for reading there (ARN)."""
    artifacts_bucket: str
    group: str
    image: str
    """The container image that packages of this environment's registry name."""
    approval: str

    def source_package(self, version: int) -> str:
        """The ARN of a version in the source's model package group."""
        place = f"{self.source_region}:{self.source_account}"
        return f"arn:aws:sagemaker:{place}:model-package/{self.source_group}/{version}"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. PromotionError names a variable that is missing or wrong."""
    reader = Reader(environment, error=PromotionError)
    return Settings(
        source=reader.text("SOURCE"),
        source_account=reader.text("SOURCE_ACCOUNT"),
        source_region=reader.text("SOURCE_REGION"),
        source_group=reader.text("SOURCE_GROUP"),
        source_role=reader.text("SOURCE_ROLE"),
        artifacts_bucket=reader.text("ARTIFACTS_BUCKET"),
        group=reader.text("GROUP"),
        image=reader.text("IMAGE"),
        approval=reader.one_of("APPROVAL", allowed=("Approved", "PendingManualApproval")),
    )
