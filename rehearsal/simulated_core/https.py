# SPDX-License-Identifier: Apache-2.0
"""A core's requests over HTTPS with its own certificate, as both nuclei make them."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from rehearsal.simulated_core.mqtt import Certificate, Endpoint, RefusedError

ANSWER_SECONDS = 15


class DeviceHttps:
    """AWS's endpoints for devices: the credentials provider and Greengrass's data plane.

    On AWS each has a name of its own; the local AWS serves both where it serves MQTT.
    """

    def __init__(self, endpoint: Endpoint, certificate: Certificate) -> None:
        self.endpoint, self.certificate = endpoint, certificate

    @property
    def url(self) -> str:
        """Where both endpoints are."""
        return f"https://{self.endpoint.host}:{self.endpoint.port}"

    def get(self, path: str, **headers: str) -> dict[str, Any]:
        """The JSON answer to a GET; RefusedError with the status and the answer otherwise."""
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - https
        context = ssl.create_default_context(cafile=str(self.endpoint.root_ca))
        own = self.certificate
        context.load_cert_chain(own.certificate, own.key)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=ANSWER_SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise RefusedError(f"GET {path}: {error.code} {said}") from error

    def data_plane(self, region: str) -> Any:
        """A boto3 client of Greengrass's data plane, which takes certificates, not signatures."""
        own = self.certificate
        return boto3.client(
            "greengrassv2",
            endpoint_url=self.url,
            region_name=region,
            verify=str(self.endpoint.root_ca),
            config=Config(
                signature_version=UNSIGNED, client_cert=(str(own.certificate), str(own.key))
            ),
        )
