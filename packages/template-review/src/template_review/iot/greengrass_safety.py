# SPDX-License-Identifier: Apache-2.0
"""The safeguards that stop a bad Greengrass deployment before every device has it."""

from collections.abc import Iterator, Mapping

from template_review.comparison.properties import Kept, at, number
from template_review.model import Level

Said = tuple[Level, str]


def safety_changes(kept: Kept) -> Iterator[Said]:
    """Changes of the safeguards."""
    path = "DeploymentPolicies.FailureHandlingPolicy"
    old, new = at(kept.old, path), at(kept.new, path)
    if old == "ROLLBACK" and new != old:
        text = f"{path}: {old} -> {new}: a failed deployment no longer rolls back"
        yield Level.DANGEROUS, text
    for name, what in (
        ("AbortConfig", "a deployment that fails on many devices is no longer aborted"),
        ("JobExecutionsRolloutConfig", "all devices are updated at once"),
        ("TimeoutConfig", "a device that hangs in the deployment is never counted as failed"),
    ):
        path = f"IotJobConfiguration.{name}"
        if at(kept.old, path) and not at(kept.new, path):
            yield Level.DANGEROUS, f"{path} is gone: {what}"
    yield from _aborts(kept)


def _aborts(kept: Kept) -> Iterator[Said]:
    """From which share of failed devices on a deployment is stopped."""
    path = "IotJobConfiguration.AbortConfig.CriteriaList"
    before, after = (
        {
            str(each.get("FailureType")): each
            for each in at(side, path) or ()
            if isinstance(each, Mapping)
        }
        for side in (kept.old, kept.new)
    )
    for failure in sorted(before.keys() & after.keys()):
        for name, never in (("ThresholdPercentage", 100.0), ("MinNumberOfExecutedThings", 1e4)):
            was, now = (number(side[failure].get(name) or 0) for side in (before, after))
            if was is not None and now is not None and now > was:
                level = Level.DANGEROUS if now >= never else Level.LOOK
                how = "never" if now >= never else "later"
                text = (
                    f"{name} for {failure}: {was:g} -> {now:g}: a bad deployment is stopped {how}"
                )
                yield level, text
    for failure in sorted(before.keys() - after.keys()) if after else ():
        text = f"AbortConfig: devices that end as {failure} no longer stop the deployment"
        yield Level.DANGEROUS, text
