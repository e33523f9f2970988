# SPDX-License-Identifier: Apache-2.0
"""The rehearsal's two cameras: one in the canary group, one in the fleet."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.device import CoreDevice
from rehearsal.simulated_core.recipe import Nucleus

INSTALL_TIMEOUT = 60
EMPTY_VIEW = "_empty.jpg"
"""What the camera's source `dir:` shows between photos, where the folder has it."""


@dataclass(kw_only=True)
class Cameras:
    """Provisions the cameras as the stack's template says and runs them."""

    cloud: Cloud
    outputs: Mapping[str, str]
    folder: Path
    model_folder: str
    nucleus: Nucleus
    news: Callable[[str], None]
    empty: Path | None = None
    """A JPEG of what both see while nothing is shown to them; None: a plain grey."""
    canary: CoreDevice = field(init=False)
    fleet: CoreDevice = field(init=False)

    def __post_init__(self) -> None:
        self.canary = self._device(f"{self.cloud.prefix}-rehearsal-canary")
        self.fleet = self._device(f"{self.cloud.prefix}-rehearsal-fleet")

    def start(self) -> None:
        """Provision both, start them, wait until the runtime deployment is installed."""
        for camera in (self.canary, self.fleet):
            self._provision(camera)
        self._make_canary(self.canary)
        for camera in (self.canary, self.fleet):
            camera.start()
        self._await(self.outputs["InferenceComponent"])

    def stop(self) -> None:
        """End both cameras and their processes."""
        for camera in (self.canary, self.fleet):
            camera.stop()

    def take_out_of_service(self) -> None:
        """End both cameras and unregister them, as docs/runbook.md says; AWS refuses to delete the
        policy and the thing type of a camera that is still registered."""
        self.stop()
        iot = self.cloud.client("iot")
        for camera in (self.canary, self.fleet):
            self.cloud.client("greengrassv2").delete_core_device(coreDeviceThingName=camera.thing)
            for principal in iot.list_thing_principals(thingName=camera.thing)["principals"]:
                for policy in iot.list_attached_policies(target=principal)["policies"]:
                    iot.detach_policy(policyName=policy["policyName"], target=principal)
                iot.detach_thing_principal(thingName=camera.thing, principal=principal)
                certificate = principal.rpartition("/")[2]
                iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
                iot.delete_certificate(certificateId=certificate)
            iot.delete_thing(thingName=camera.thing)

    def await_model(self, component: str) -> str:
        """Wait until both have adopted the model; return the component's version."""
        return self._await(component)

    def lens_of(self, camera: CoreDevice) -> Path:
        """The folder that a camera looks at."""
        return camera.folder / "lens"

    def _device(self, thing: str) -> CoreDevice:
        folder = self.folder / thing
        # What an earlier rehearsal left must not pass for this one's installation.
        shutil.rmtree(folder, ignore_errors=True)
        lens = folder / "lens"
        lens.mkdir(parents=True)
        if self.empty:
            shutil.copy(self.empty, lens / EMPTY_VIEW)
        return CoreDevice(
            thing=thing,
            folder=folder,
            cloud=CoreCloud(
                endpoint=self.cloud.endpoint,
                account=self.cloud.account,
                region=self.cloud.region,
                prefix=self.cloud.prefix,
                thing=thing,
                role_alias=self.outputs["RoleAlias"],
                nucleus=self.nucleus,
            ),
            stand_ins={
                "BINSIGHT_SOURCE": f"dir:{lens}?follow=1&hold=6&gap=4&fps=15",
                # Both cameras are on this machine, which has each port once.
                "BINSIGHT_PAGE": "off",
            },
            model_folder=self.model_folder,
            nucleus=self.nucleus,
            news=self.news,
        )

    def _provision(self, camera: CoreDevice) -> None:
        """Register the camera by the stack's provisioning template, with its serial number.

        On AWS a camera does this itself with its claim certificate, over MQTT.
        """
        template = self.outputs["ProvisioningTemplate"]
        serial = camera.thing.removeprefix(f"{self.cloud.prefix}-")
        request = urllib.request.Request(  # noqa: S310 - the address of the local AWS
            f"{self.cloud.iot_endpoint}/provisioning-templates/{template}",
            data=json.dumps({"SerialNumber": serial}).encode(),
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - as above
                made = json.load(reply)
        except urllib.error.HTTPError as error:
            raise RehearsalError(
                f"{camera.thing} was not provisioned by {template}: {error.read().decode()}"
            ) from error
        if made["thingName"] != camera.thing:
            raise RehearsalError(f"{template} made {made['thingName']} instead of {camera.thing}")

    def _make_canary(self, camera: CoreDevice) -> None:
        """Move a camera from the fleet to the canaries, as docs/runbook.md says."""
        iot = self.cloud.client("iot")
        iot.remove_thing_from_thing_group(
            thingGroupName=self.outputs["FleetThingGroup"], thingName=camera.thing
        )
        iot.add_thing_to_thing_group(
            thingGroupName=self.outputs["CanaryThingGroup"], thingName=camera.thing
        )

    def _await(self, component: str) -> str:
        deadline = time.monotonic() + INSTALL_TIMEOUT
        while time.monotonic() < deadline:
            for camera in (self.canary, self.fleet):
                camera.check()
            versions = {camera.components.get(component) for camera in (self.canary, self.fleet)}
            if len(versions) == 1 and (version := versions.pop()):
                return version
            time.sleep(0.2)
        raise RehearsalError(
            f"{component} was not installed on both cameras within {INSTALL_TIMEOUT} s; "
            f"logs: {self.folder}"
        )
