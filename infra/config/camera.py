# SPDX-License-Identifier: Apache-2.0
"""Settings of an environment's cameras and of the packaging of their program."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from contracts.source_uris import split_source
from contracts.topics import Topics
from infra.config.base import Section


def _check_topic_prefix(value: str) -> str:
    return Topics(value).prefix


def _check_page(value: str) -> str:
    """Loopback only: a page for the network needs a token, which must not be in a template."""
    host, _, port = value.rpartition(":")
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if value != "off" and not (
        loopback and port.isascii() and port.isdigit() and 0 < int(port) <= 65535
    ):
        raise ValueError(
            "off, or a loopback address and a port, such as 127.0.0.1:8080 or [::1]:8080; from "
            "elsewhere look through ssh -L (docs/packaging.md)"
        )
    return value


def _check_source(value: str) -> str:
    """Absolute paths only: the program runs in an arbitrary folder, as a user without a home."""
    kind, address, _ = split_source(value)
    if kind.local and kind.address and not address.startswith("/"):
        raise ValueError(f"a path on the camera that begins with /, after {kind.scheme}:")
    return value


def _check_folder(value: str) -> str:
    folders = value.split("/")[1:]
    if not re.fullmatch(r"/[A-Za-z0-9._/-]+", value) or {".", ".."} & set(folders):
        raise ValueError(
            "an absolute path of letters, digits, '.', '_', '-' and '/', without folders . and .."
        )
    return value


Source = Annotated[str, AfterValidator(_check_source), Field(max_length=500)]
Frames = Annotated[int, Field(ge=1, le=60)]


class CameraSettings(Section):
    """Settings of every camera of this environment."""

    packaging: Literal["lambda", "generic"] = "lambda"
    nucleus: Literal["java", "any"] | None = None
    topic_prefix: Annotated[str, AfterValidator(_check_topic_prefix)] = "binsight"
    source: Source = "v4l2:/dev/video0"
    model_folder: Annotated[str, AfterValidator(_check_folder), Field(max_length=200)] = (
        "/var/lib/binsight/models"
    )
    telemetry_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    smoothing_frames: Frames = 5
    arrival_frames: Frames = 2
    departure_frames: Frames = 3
    page: Annotated[str, AfterValidator(_check_page)] = "127.0.0.1:8080"
    captures: Literal["off", "local", "upload"] = "off"
    captures_per_hour: Annotated[int, Field(ge=1, le=3600)] = 12

    @property
    def manages_nucleus(self) -> bool:
        """Whether deployments include the Java nucleus and its log manager, at pinned versions.

        Nucleus lite has neither, and a deployment that names them fails there.
        """
        return self.packaging == "lambda" or self.nucleus == "java"

    @property
    def uploads(self) -> bool:
        """Whether cameras write into the captures bucket."""
        return self.captures == "upload"
