# SPDX-License-Identifier: Apache-2.0
"""The rehearsal's two cameras: one in the canary group, one in the fleet."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.config.settings import Settings
from rehearsal.aws_client import Cloud
from rehearsal.commands import Operator
from rehearsal.enrolment import Kit, retire
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.device import CoreDevice
from rehearsal.simulated_core.enrol import Identity, enrol
from rehearsal.simulated_core.https import DeviceHttps
from rehearsal.simulated_core.mqtt import Connection, RefusedError
from rehearsal.simulated_core.recipe import Nucleus

INSTALL_TIMEOUT = 60
SERIALS = ("rehearsal-canary", "rehearsal-fleet")
EMPTY_VIEW = "_empty.jpg"
"""What the camera's source `dir:` shows between photos, where the folder has it."""


_LENS = "lens"


def nucleus_of(settings: Settings) -> Nucleus:
    """The nucleus that an environment's cameras run."""
    return "java" if settings.camera.manages_nucleus else "lite"


def lens_of(camera: CoreDevice) -> Path:
    """The folder that a camera looks at."""
    return camera.folder / _LENS


@dataclass(kw_only=True)
class Cameras:
    """Provisions the cameras as the stack's template says and runs them."""

    cloud: Cloud
    outputs: Mapping[str, str]
    folder: Path
    model_folder: str
    nucleus: Nucleus
    kit: Kit
    operator: Operator
    news: Callable[[str], None]
    empty: Path | None = None
    """A JPEG of what both see while nothing is shown to them; None: a plain grey."""
    canary: CoreDevice = field(init=False)
    fleet: CoreDevice = field(init=False)

    def start(self) -> None:
        """Enrol both, start them, wait until the runtime deployment is installed."""
        self.canary, self.fleet = (self.enrolled(serial) for serial in SERIALS)
        self._make_canary(self.canary)
        for camera in (self.canary, self.fleet):
            camera.start()
        self._await(self.outputs["InferenceComponent"])

    def stop(self) -> None:
        """End both cameras and their processes."""
        for camera in (getattr(self, name, None) for name in ("canary", "fleet")):
            if camera is not None:
                camera.stop()

    def take_out_of_service(self) -> None:
        """End both cameras and unregister them with `make cameras`, and end their kit."""
        self.stop()
        retire(self.operator, SERIALS, self.kit)

    def await_model(self, component: str, *, after: str | None = None) -> str:
        """Wait until both have adopted a model other than ``after``; return the version."""
        return self._await(component, after=after)

    def enrolled(self, serial: str) -> CoreDevice:
        """A camera with a certificate of its own, connected as itself. Raises RehearsalError."""
        folder = self.folder / f"{self.cloud.prefix}-{serial}"
        # What an earlier rehearsal left must not pass for this one's installation.
        shutil.rmtree(folder, ignore_errors=True)
        lens = folder / _LENS
        lens.mkdir(parents=True)
        if self.empty:
            shutil.copy(self.empty, lens / EMPTY_VIEW)
        try:
            identity = enrol(
                self.kit.endpoint,
                self.kit.claim,
                prefix=self.cloud.prefix,
                template=self.outputs["ProvisioningTemplate"],
                serial=serial,
                nucleus=self.nucleus,
                folder=folder / "identity",
            )
            return self._connected(identity, folder)
        except RefusedError as error:
            raise RehearsalError(f"camera {serial} was not enrolled: {error}") from error

    def start_fleet_again(self) -> None:
        """Start the fleet's camera, which was stopped, from what is on its disk.

        Raises ``simulated_core.mqtt.RefusedError`` where AWS IoT refuses its certificate.
        """
        camera = self.fleet
        identity = Identity(thing=camera.thing, certificate=camera.cloud.device.certificate)
        self.fleet = self._connected(identity, camera.folder)
        if self.fleet.connection and camera.connection:
            # What it has published is compared with the archive (rehearsal.questions).
            self.fleet.connection.sent += camera.connection.sent
        self.fleet.start()
        self.fleet.check()

    def _connected(self, identity: Identity, folder: Path) -> CoreDevice:
        connection = Connection(self.kit.endpoint, identity.certificate, identity.thing).open()
        return CoreDevice(
            thing=identity.thing,
            folder=folder,
            cloud=CoreCloud(
                endpoint=self.cloud.endpoint,
                region=self.cloud.region,
                thing=identity.thing,
                role_alias=self.outputs["RoleAlias"],
                nucleus=self.nucleus,
                device=DeviceHttps(self.kit.endpoint, identity.certificate),
            ),
            stand_ins={
                "BINSIGHT_SOURCE": f"dir:{folder / _LENS}?follow=1&hold=6&gap=4&fps=15",
                # Both cameras are on this machine, which has each port once.
                "BINSIGHT_PAGE": "off",
                # S3's own names lead to AWS.
                "AWS_ENDPOINT_URL_S3": self.cloud.endpoint,
            },
            model_folder=self.model_folder,
            nucleus=self.nucleus,
            news=self.news,
            connection=connection,
        )

    def _make_canary(self, camera: CoreDevice) -> None:
        """Move a camera from the fleet to the canaries, as docs/runbook.md says."""
        iot = self.cloud.client("iot")
        iot.remove_thing_from_thing_group(
            thingGroupName=self.outputs["FleetThingGroup"], thingName=camera.thing
        )
        iot.add_thing_to_thing_group(
            thingGroupName=self.outputs["CanaryThingGroup"], thingName=camera.thing
        )

    def _await(self, component: str, *, after: str | None = None) -> str:
        deadline = time.monotonic() + INSTALL_TIMEOUT
        while time.monotonic() < deadline:
            for camera in (self.canary, self.fleet):
                camera.check()
            versions = {camera.components.get(component) for camera in (self.canary, self.fleet)}
            if len(versions) == 1 and (version := versions.pop()) and version != after:
                return version
            time.sleep(0.2)
        raise RehearsalError(
            f"{component} was not installed on both cameras within {INSTALL_TIMEOUT} s; "
            f"logs: {self.folder}"
        )
