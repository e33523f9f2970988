# SPDX-License-Identifier: Apache-2.0
"""Puts captures into the captures bucket, signed with the device's own role.

Greengrass hands the role's credentials out at a local address (TokenExchangeService). One signed
PUT is all that is needed, so it is spelled out here instead of shipping an SDK of 15 MB.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

_TIMEOUT_SECONDS = 30.0
_METADATA = "x-amz-meta-prediction"


class UploadError(Exception):
    """The upload failed; later it may work."""


class Upload(Protocol):
    """Takes a capture away. Raises UploadError."""

    def put(self, key: str, content: bytes, document: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Keys that expire."""

    access_key: str
    secret_key: str
    token: str


def device_credentials() -> Credentials:
    """From Greengrass' TokenExchangeService. Raises UploadError."""
    address = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not address.startswith("http://"):
        raise UploadError("AWS_CONTAINER_CREDENTIALS_FULL_URI is not set: no TokenExchangeService")
    request = urllib.request.Request(  # noqa: S310 - http is what Greengrass offers, on loopback
        address, headers={"Authorization": os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            found = json.load(answer)
        return Credentials(
            access_key=found["AccessKeyId"],
            secret_key=found["SecretAccessKey"],
            token=found["Token"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise UploadError(f"credentials: {error}") from error


@dataclass(frozen=True, kw_only=True)
class BucketUpload:
    """Into an S3 bucket. The prediction goes along as the object's metadata."""

    bucket: str
    region: str
    credentials: Callable[[], Credentials] = device_credentials
    endpoint: str = ""

    def put(self, key: str, content: bytes, document: Mapping[str, Any]) -> None:
        prediction = base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
        address = self.endpoint or f"https://{self.bucket}.s3.{self.region}.amazonaws.com"
        parts = urlsplit(address)
        path = f"{parts.path}/{quote(key, safe='/')}"
        # Metadata is limited to 2 KB in all; a model with very many classes loses the list.
        extra = {_METADATA: prediction} if len(prediction) < 1900 else {}
        headers = signed(
            method="PUT",
            host=parts.netloc,
            path=path,
            content=content,
            headers={"content-type": "image/jpeg", **extra},
            credentials=self.credentials(),
            region=self.region,
            now=datetime.now(UTC),
        )
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("PUT", path, body=content, headers=headers)
            answer = connection.getresponse()
            text = answer.read(500).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise UploadError(f"{parts.netloc}: {error}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise UploadError(f"{parts.netloc}: HTTP {answer.status}: {text[:200]}")


def signed(
    *,
    method: str,
    host: str,
    path: str,
    content: bytes,
    headers: Mapping[str, str],
    credentials: Credentials,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """Headers of an S3 request with AWS Signature Version 4."""
    moment, digest = f"{now:%Y%m%dT%H%M%SZ}", hashlib.sha256(content).hexdigest()
    every = {
        **headers,
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        "x-amz-security-token": credentials.token,
    }
    names = ";".join(sorted(every))
    canonical = "\n".join(
        [method, path, "", *(f"{name}:{every[name]}" for name in sorted(every)), "", names, digest]
    )
    scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return {**every, "authorization": authorization}
