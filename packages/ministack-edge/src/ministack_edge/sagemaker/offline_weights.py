# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal does where pretrained weights are out of reach: it says so and trains anyway.

A rehearsal needs no internet, so a job that asks the hub, or a bucket of another account, for
weights would fail here and not on AWS. It gets the folder that `make rehearse WEIGHTS=folder`
names, or else another network that learns the drawn samples from scratch in a minute, held to
thresholds that such a network can reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w.-]+)?")
HYPERPARAMETERS = {"network": "compact", "weights": "", "image-size": "64", "epochs": "12"}
AT_MOST = {"--minimum-item-accuracy": 0.3, "--minimum-accuracy": 0.5, "--minimum-recall": 0.3}
AT_LEAST = {"--maximum-int8-loss": 5.0}
DIFFERENCE = (
    "Pretrained weights of a hub or of another account are out of reach: such a job trains the "
    "network compact from scratch (64 px, 12 epochs), and the gate asks for no more than "
    f"{AT_MOST['--minimum-accuracy']} accuracy ({AT_MOST['--minimum-item-accuracy']} with a small "
    f"item) and {AT_MOST['--minimum-recall']} recall. "
    "`make rehearse WEIGHTS=folder` trains the network that the settings name."
)


def applies(weights: str, folder: Path | None) -> bool:
    """Whether a job with this setting is changed: it names weights, and no folder stands in."""
    return folder is None and (weights.startswith("s3://") or bool(HUB_ID.fullmatch(weights)))


def training(
    arguments: Mapping[str, Any], *, folder: Path | None, reachable: bool
) -> tuple[Mapping[str, Any], str]:
    """The arguments that the job really gets, and a note for its log where they differ.

    ``reachable``: whether the bucket of the channel ``weights`` is here.
    """
    hyper = dict(arguments.get("HyperParameters") or {})
    channels = list(arguments.get("InputDataConfig") or [])
    by_channel = any(item["ChannelName"] == "weights" for item in channels)
    asked = by_channel and not reachable
    asked = asked or bool(HUB_ID.fullmatch(hyper.get("weights", "")))
    if not asked:
        return arguments, ""
    others = [item for item in channels if item["ChannelName"] != "weights"]
    if folder is not None:
        changed = {**hyper, "weights": str(folder)}
        note = f"weights = {folder} stands in for the weights that the job names"
    else:
        changed = {**hyper, **HYPERPARAMETERS}
        note = DIFFERENCE
    return {**arguments, "HyperParameters": changed, "InputDataConfig": others}, note


def evaluation(arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The same for a job that judges a network which stands in for another one."""
    specification = arguments.get("AppSpecification") or {}
    given = list(specification.get("ContainerArguments") or [])
    for limits, choose in ((AT_MOST, min), (AT_LEAST, max)):
        for name, limit in limits.items():
            if name in given:
                place = given.index(name) + 1
                given[place] = str(choose(float(given[place]), limit))
    if given == list(specification.get("ContainerArguments") or []):
        return arguments, ""
    return {
        **arguments,
        "AppSpecification": {**specification, "ContainerArguments": given},
    }, DIFFERENCE
