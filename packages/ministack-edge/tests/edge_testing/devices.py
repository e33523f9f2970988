# SPDX-License-Identifier: Apache-2.0
"""Devices with certificates: made as an account's root user makes them, calling over HTTPS."""

from __future__ import annotations

import itertools
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from ministack_edge.process import LocalAws

_numbers = itertools.count(1)


@dataclass(kw_only=True)
class Device:
    """A thing with an active certificate, and the folder of its files."""

    aws: LocalAws
    iot: Any
    """A client of the account's root user."""
    folder: Path
    thing: str = field(default_factory=lambda: f"device-{next(_numbers)}")
    certificate_id: str = ""
    certificate_arn: str = ""

    def make(self, *statements: Any) -> Device:
        """Register it; its certificate's only policy has these statements, if there are any."""
        made = self.iot.create_keys_and_certificate(setAsActive=True)
        self.certificate_id, self.certificate_arn = made["certificateId"], made["certificateArn"]
        self.folder.mkdir(parents=True)
        (self.folder / "own.pem").write_text(made["certificatePem"] + made["keyPair"]["PrivateKey"])
        url = f"{self.aws.endpoint}/_ministack/iot/ca.pem"
        with urllib.request.urlopen(url, timeout=15) as answer:  # noqa: S310 - the local AWS
            (self.folder / "ca.pem").write_bytes(answer.read())
        self.iot.create_thing(thingName=self.thing)
        self.iot.attach_thing_principal(thingName=self.thing, principal=self.certificate_arn)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            self.iot.create_policy(policyName=self.thing, policyDocument=document)
            self.iot.attach_policy(policyName=self.thing, target=self.certificate_arn)
        return self

    def core(self) -> Any:
        """A client of Greengrass's data plane."""
        return boto3.client(
            "greengrassv2",
            endpoint_url=f"https://localhost:{self.aws.mqtt_port}",
            region_name=self.iot.meta.region_name,
            verify=str(self.folder / "ca.pem"),
            config=Config(
                signature_version=UNSIGNED,
                client_cert=str(self.folder / "own.pem"),
                retries={"max_attempts": 1},
            ),
        )

    def call(
        self, path: str, *, method: str = "GET", body: Any = None, own: bool = True, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of a request; ``own=False`` shows no certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if own:
            context.load_cert_chain(self.folder / "own.pem")
        request = urllib.request.Request(
            f"https://localhost:{self.aws.mqtt_port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=15) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
