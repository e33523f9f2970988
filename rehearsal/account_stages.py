# SPDX-License-Identifier: Apache-2.0
"""The stages of one account whose stacks are deployed: cameras, roll out, photos, destroy."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rehearsal.account import Account
from rehearsal.cameras import SERIALS, Cameras, lens_of, nucleus_of
from rehearsal.commands import Operator
from rehearsal.enrolment import make_kit
from rehearsal.playback import Playback, SortedPhoto
from rehearsal.simulated_core.native_packages import variant

Outputs = dict[str, str]


def operator_of(account: Account) -> Operator:
    """Who runs the commands of the Makefile in an account."""
    return Operator(
        environment_name=account.name, variables=account.environment(account.people.operator)
    )


def start_cameras(
    account: Account, outputs: Outputs, cleanup: ExitStack, *, empty: Path | None = None
) -> Cameras:
    """Enrol and start two cameras. ``empty`` is a JPEG of what they see between photos."""
    operator, stages, settings = operator_of(account), account.stages, account.settings
    with stages.stage("enrolment kit", "claim certificate and list, by `make enrolment`"):
        kit = make_kit(operator, SERIALS, account.work / "enrolment", account.aws)
    with stages.stage("cameras", "enrol two over MQTT, install the camera program"):
        cameras = Cameras(
            cloud=account.cloud(account.people.operator),
            kit=kit,
            operator=operator,
            outputs=outputs,
            folder=account.work / "cameras",
            model_folder=settings.camera.model_folder,
            nucleus=nucleus_of(settings),
            news=stages.news,
            empty=empty,
        )
        cleanup.callback(cameras.stop)
        cameras.start()
    if note := variant():
        stages.console.print(note)
    return cameras


def roll_out(
    account: Account, outputs: Outputs, cameras: Cameras, *, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Approve the model that was registered last and wait for its rollout.

    ``before`` is what was rolled out before, as returned: version, rollout, digest, metrics.
    """
    cloud, stages = account.cloud(account.people.operator), account.stages
    before = before or {}
    way = account.settings.training.approval
    with stages.stage("approval", f"{way} in {account.name}"):
        package = cloud.latest_model_package(outputs["ModelPackageGroup"])
        if package["ModelApprovalStatus"] != "Approved":
            cloud.client("sagemaker").update_model_package(
                ModelPackageArn=package["ModelPackageArn"],
                ModelApprovalStatus="Approved",
                ApprovalDescription="approved by the rehearsal, as a person would",
            )
        stages.news(f"{package['ModelPackageArn'].rsplit(':', 1)[-1]} is approved")
    with stages.stage("roll out", "canary, bake, fleet; each camera checks and swaps"):
        result = cloud.watch_rollout(
            outputs["RolloutStateMachineArn"], news=stages.news, after=before.get("rollout")
        )
        version = cameras.await_model(outputs["ModelComponent"], after=before.get("version"))
        stages.news(f"model {version} runs on both cameras")
        return {
            "version": version,
            "rollout": result["executionArn"],
            "digest": json.loads(result["output"])["package"]["value"]["digest"],
            "metrics": cloud.evaluation_of(package),
        }


def sort_photos(
    account: Account, outputs: Outputs, cameras: Cameras, photos: Sequence[tuple[Path, str]]
) -> tuple[Playback, list[SortedPhoto]]:
    """Hold photos before the fleet's camera; return what shows more, and the rows."""
    with account.stages.stage("sort photos", "show photos to a camera, find their rows"):
        playback = Playback(
            cloud=account.cloud(account.people.operator),
            camera=cameras.fleet,
            lens=lens_of(cameras.fleet),
            latest_table=outputs["LatestTable"],
            archive_bucket=outputs["ArchiveBucket"],
        )
        return playback, playback.show(list(photos), progress=account.stages.progress)


def destroy(account: Account, cameras: Cameras) -> tuple[list[str], list[str]]:
    """Unregister the cameras, delete the stacks; what was deleted, and what was kept."""
    cloud = account.cloud(account.people.operator)
    with account.stages.stage("destroy", "unregister the cameras, delete the stacks"):
        cameras.take_out_of_service()
        if lifted := cloud.lift_termination_protection():
            account.stages.news(
                f"termination protection of {lifted} stacks turned off, as you must on AWS"
            )
        stack_ids = cloud.stack_ids()
        account.cdk(account.people.deployer).destroy()
        return cloud.left_behind(stack_ids)
