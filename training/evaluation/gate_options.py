# SPDX-License-Identifier: Apache-2.0
"""The options of evaluate's gate, read and checked before any photo is read."""

import argparse
from pathlib import Path

from contracts.bins import BinPolicy
from training.evaluation.approved import Approved, fetch_approved
from training.evaluation.quality_verdict import Thresholds
from training.sagemaker_job import StepError


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """Thresholds, bin policy and the model in service; all optional."""
    gate = parser.add_argument_group("gate")
    gate.add_argument(
        "--minimum-item-accuracy",
        metavar="SHARE",
        help="with the item on a third of the view's width, 0 to 1",
    )
    gate.add_argument("--minimum-accuracy", metavar="SHARE", help="on the test photos, 0 to 1")
    gate.add_argument("--minimum-recall", metavar="SHARE", help="of each bin, 0 to 1")
    gate.add_argument("--maximum-int8-loss", metavar="POINTS", help="of accuracy, 0 to 100")
    gate.add_argument("--tolerance", metavar="POINTS", help="against the model in service")
    gate.add_argument(
        "--maximum-forgetting",
        metavar="POINTS",
        help="on the test photos of the model in service, where there are new ones as well",
    )
    gate.add_argument("--bins", nargs="+", metavar="JSON", help="bin policy; pieces are joined")
    add_approved_options(parser)


def add_approved_options(parser: argparse.ArgumentParser) -> None:
    """The model in service: a file, or a group of the registry."""
    approved = parser.add_argument_group("model in service")
    approved.add_argument("--approved", type=Path, help="model.tar.gz, or its folder")
    approved.add_argument("--approved-group", help="model package group of the registry")
    approved.add_argument("--region", help="of the registry")


def given_thresholds(given: argparse.Namespace) -> Thresholds:
    """The gate's thresholds. Raises StepError naming option, value and what is allowed."""
    values = {}
    for name in (
        *("minimum_item_accuracy", "minimum_accuracy", "minimum_recall"),
        *("maximum_int8_loss", "tolerance", "maximum_forgetting"),
    ):
        text = getattr(given, name)
        if text is None:
            continue
        try:
            values[name] = float(text)
        except ValueError as error:
            shown = name.replace("_", "-")
            raise StepError(f"{shown} = {text!r}; allowed: a number") from error
    return Thresholds(**values)


def given_policy(given: argparse.Namespace) -> BinPolicy | None:
    """The bin policy. Raises StepError naming what is wrong."""
    if not given.bins:
        return None
    try:
        return BinPolicy.from_json("".join(given.bins))
    except ValueError as error:
        raise StepError(str(error)) from error


def given_approved(
    given: argparse.Namespace, scratch: Path, *, archive_name: str
) -> Approved | None:
    """The model in service: a file, or the registry's, downloaded into ``scratch``."""
    if given.approved:
        archive = given.approved / archive_name if given.approved.is_dir() else given.approved
        if not given.approved.exists():
            raise StepError(f"approved = {given.approved}: no such file or folder")
        if not archive.is_file():
            return None  # the folder of an empty input
        return Approved(name=str(archive), archive=archive)
    if not given.approved_group:
        return None
    # In SageMaker's image and the project's environment; nothing else of training needs it.
    import boto3  # noqa: PLC0415

    sagemaker, s3 = (boto3.client(name, region_name=given.region) for name in ("sagemaker", "s3"))
    return fetch_approved(sagemaker=sagemaker, s3=s3, group=given.approved_group, folder=scratch)
