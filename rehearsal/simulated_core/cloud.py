# SPDX-License-Identifier: Apache-2.0
"""The cloud as a core sees it: all that it asks for over HTTPS, with its own certificate."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session

from rehearsal.simulated_core.https import DeviceHttps
from rehearsal.simulated_core.recipe import Nucleus


@dataclass(frozen=True, kw_only=True)
class CoreCloud:
    """Greengrass's data plane, and S3 and logs with the credentials that the role alias gives.

    The Java nucleus asks for a bucket's region before it reads from it; nucleus lite does not
    (facts: S3Downloader.getRegionClientForBucket in aws-greengrass-nucleus).
    """

    endpoint: str
    region: str
    thing: str
    role_alias: str
    nucleus: Nucleus
    device: DeviceHttps
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client of ``greengrassv2``, ``s3`` or ``logs``; made once per service."""
        if service not in self._clients:
            self._clients[service] = (
                self.device.data_plane(self.region)
                if service == "greengrassv2"
                else self._as_token_exchange_role(service)
            )
        return self._clients[service]

    def thing_groups(self) -> set[str]:
        """The thing groups that the core is in, as the data plane lists them."""
        found = self.device.get(f"/greengrass/v2/coreDevices/{self.thing}/thingGroups")
        return {group["thingGroupName"] for group in found["thingGroups"]}

    def keep_log(self, component: str, text: str) -> None:
        """Write to a component's log group, as the log manager of a Java nucleus does."""
        logs = self.client("logs")
        group = f"/aws/greengrass/UserComponent/{self.region}/{component}"
        stream = f"/{datetime.now(UTC):%Y/%m/%d}/thing/{self.thing}"
        # The log manager makes what is missing first; both are there from the second time on.
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)
        event = {"timestamp": int(time.time() * 1000), "message": text}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

    def credentials(self) -> dict[str, str]:
        """What the credentials provider answers to the core's certificate, named as in containers.

        Raises RefusedError.
        """
        path = f"/role-aliases/{self.role_alias}/credentials"
        found = self.device.get(path, **{"x-amzn-iot-thingname": self.thing})["credentials"]
        return {
            "AccessKeyId": found["accessKeyId"],
            "SecretAccessKey": found["secretAccessKey"],
            "Token": found["sessionToken"],
            "Expiration": found["expiration"],
        }

    def _metadata(self) -> dict[str, str]:
        """The credentials as botocore names them."""
        found = self.credentials()
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["Token"],
            "expiry_time": found["Expiration"],
        }

    def _as_token_exchange_role(self, service: str) -> Any:
        """A client that asks for new credentials before its own expire."""
        session = get_session()
        session._credentials = RefreshableCredentials.create_from_metadata(
            metadata=self._metadata(), refresh_using=self._metadata, method="role-alias"
        )
        client = boto3.Session(botocore_session=session, region_name=self.region).client(
            service, endpoint_url=self.endpoint
        )
        if self.nucleus == "java" and service == "s3":
            client.meta.events.register(
                "before-parameter-build.s3.HeadObject", _region_first(client)
            )
        return client


def _region_first(client: Any) -> Any:
    def ask(params: dict[str, Any], **_more: Any) -> None:
        client.get_bucket_location(Bucket=params["Bucket"])

    return ask
