# SPDX-License-Identifier: Apache-2.0
"""The cloud as a core device sees it: S3 with the credentials that its role alias gives it."""

import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import boto3

from rehearsal.cloud import Cloud
from rehearsal.core_recipe import Nucleus


@dataclass(frozen=True, kw_only=True)
class CoreCloud(Cloud):
    """Like `Cloud`; what a core reads and writes in S3, it does as the token exchange role.

    The Java nucleus asks for a bucket's region before it reads from it; nucleus lite does not
    (facts: S3Downloader.getRegionClientForBucket in aws-greengrass-nucleus).
    """

    thing: str
    role_alias: str
    nucleus: Nucleus
    _own: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client: the core's own for S3; for the rest, which a core does over MQTT and
        Greengrass's data plane, the rehearsal stands in."""
        if service != "s3":
            return super().client(service)
        if service not in self._own:
            self._own[service] = self._storage()
        return self._own[service]

    def credentials(self) -> dict[str, str]:
        """What the credentials provider answers to the core's certificate."""
        url = f"{self.iot_endpoint}/role-aliases/{self.role_alias}/credentials?thing={self.thing}"
        with urllib.request.urlopen(url, timeout=15) as answer:  # noqa: S310 - the local AWS
            found: dict[str, str] = json.load(answer)["credentials"]
        return found

    def _storage(self) -> Any:
        keys = self.credentials()
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"],
            aws_session_token=keys["sessionToken"] or None,
        )
        if self.nucleus == "java":
            client.meta.events.register(
                "before-parameter-build.s3.HeadObject", _region_first(client)
            )
        return client


def _region_first(client: Any) -> Any:
    def ask(params: dict[str, Any], **_more: Any) -> None:
        client.get_bucket_location(Bucket=params["Bucket"])

    return ask
