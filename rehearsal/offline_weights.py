# SPDX-License-Identifier: Apache-2.0
"""Replaces unreachable pretrained weights in a rehearsal, and reports it.

A rehearsal needs no internet, so a job that loads weights from the hub, or from another account's
bucket, would fail here and not on AWS. It gets the folder that `make rehearse WEIGHTS=folder`
names, or else another network that learns the drawn samples from scratch in a minute, held to
thresholds that such a network can reach. `OfflineWeights` is an extension of the local AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ministack_edge.extension import Extension, JobRequest, Substitute

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w.-]+)?")
HYPERPARAMETERS = {"network": "compact", "weights": "", "image-size": "64", "epochs": "12"}
AT_MOST = {"--minimum-item-accuracy": 0.3, "--minimum-accuracy": 0.5, "--minimum-recall": 0.3}
AT_LEAST = {"--maximum-int8-loss": 5.0}
DIFFERENCE = (
    "Pretrained weights from a hub or from another account cannot be reached. Instead, the job "
    "trains the network compact from scratch (64 px, 12 epochs), and the gate asks for at most "
    f"{AT_MOST['--minimum-accuracy']} accuracy ({AT_MOST['--minimum-item-accuracy']} with a small "
    f"item) and {AT_MOST['--minimum-recall']} recall. "
    "`make rehearse WEIGHTS=folder` trains the network that the settings name."
)


def applies(weights: str, folder: Path | None) -> bool:
    """Whether a job with this setting is changed: it names weights, and no folder stands in."""
    return folder is None and (weights.startswith("s3://") or bool(HUB_ID.fullmatch(weights)))


class OfflineWeights(Extension):
    """Trains without the hub. The argument is a folder of weights, or empty."""

    differences = (DIFFERENCE,)

    def __init__(self, folder: str = "") -> None:
        self.folder = Path(folder) if folder else None

    def substitute(self, job: JobRequest) -> Substitute | None:
        """Replace weights that are out of reach, and the thresholds of the jobs after it."""
        if job.kind == "Training":
            return self._training(job)
        return _evaluation(job.arguments) if job.substituted else None

    def _training(self, job: JobRequest) -> Substitute | None:
        hyper = dict(job.arguments.get("HyperParameters") or {})
        channels = list(job.arguments.get("InputDataConfig") or [])
        by_channel = [item for item in channels if item["ChannelName"] == "weights"]
        unreachable = any(not job.bucket_exists(_bucket(item)) for item in by_channel)
        if not unreachable and not HUB_ID.fullmatch(hyper.get("weights", "")):
            return None
        if self.folder is not None:
            hyper |= {"weights": str(self.folder)}
            note = f"weights = {self.folder} stands in for the weights that the job names"
        else:
            hyper |= HYPERPARAMETERS
            note = DIFFERENCE
        others = [item for item in channels if item not in by_channel]
        return Substitute(
            arguments={**job.arguments, "HyperParameters": hyper, "InputDataConfig": others},
            note=note,
            changes_results=self.folder is None,
        )


def _bucket(channel: Mapping[str, Any]) -> str:
    return urlsplit(str(channel["DataSource"]["S3DataSource"]["S3Uri"])).netloc


def _evaluation(arguments: Mapping[str, Any]) -> Substitute | None:
    """Lower the thresholds of a job that judges a network which stands in for another one."""
    specification = arguments.get("AppSpecification") or {}
    given = list(specification.get("ContainerArguments") or [])
    changed = list(given)
    for limits, choose in ((AT_MOST, min), (AT_LEAST, max)):
        for name, limit in limits.items():
            if name in given:
                value = given.index(name) + 1
                changed[value] = str(choose(float(given[value]), limit))
    if changed == given:
        return None
    specification = {**specification, "ContainerArguments": changed}
    return Substitute(arguments={**arguments, "AppSpecification": specification}, note=DIFFERENCE)
