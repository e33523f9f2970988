# SPDX-License-Identifier: Apache-2.0
"""Put captures into the captures bucket, with the device's own role.

Greengrass provides the role's credentials at a local address (TokenExchangeService). awscrt, which
the IoT SDK brings along, signs the requests.
"""

import base64
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from camera.messaging.publishers import connect_to_core

_TIMEOUT_SECONDS = 30.0
_METADATA = "x-amz-meta-prediction"
_EXCHANGE = "aws.greengrass.TokenExchangeService"


class UploadError(Exception):
    """The upload failed; a later attempt may succeed."""


class Upload(Protocol):
    """Uploads a capture. Raises UploadError."""

    def put(self, key: str, content: bytes, document: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Temporary AWS credentials."""

    access_key: str
    secret_key: str
    token: str


def s3_endpoint() -> str:
    """The S3 endpoint in the AWS SDKs' variable; empty if it is not set."""
    return os.environ.get("AWS_ENDPOINT_URL_S3", "").rstrip("/")


def device_credentials(connect: Callable[[], Any] = connect_to_core) -> Credentials:
    """Credentials from Greengrass's TokenExchangeService. Raises UploadError.

    The service gets a new port each time it starts, but this program keeps its initial environment.
    So if nothing answers, the core is queried for the current port.
    """
    address = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not address.startswith("http://"):
        raise UploadError("AWS_CONTAINER_CREDENTIALS_FULL_URI is not set: no TokenExchangeService")
    try:
        return _fetched(address)
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionError):
            raise UploadError(f"credentials: {error}") from error
        refused = error
    except (OSError, ValueError, KeyError) as error:
        raise UploadError(f"credentials: {error}") from error
    moved = _moved(address, connect)
    if moved == address:
        raise UploadError(f"credentials: {refused}") from refused
    try:
        found = _fetched(moved)
    except (OSError, ValueError, KeyError) as error:
        raise UploadError(f"credentials: {error}") from error
    os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = moved
    return found


def _fetched(address: str) -> Credentials:
    request = urllib.request.Request(  # noqa: S310 - http is what Greengrass offers, on loopback
        address, headers={"Authorization": os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        found = json.load(answer)
    return Credentials(
        access_key=found["AccessKeyId"],
        secret_key=found["SecretAccessKey"],
        token=found["Token"],
    )


def _moved(address: str, connect: Callable[[], Any]) -> str:
    """The address with the core's current port; unchanged if the core has none."""
    try:
        client = connect()
        answer = client.get_configuration(component_name=_EXCHANGE, key_path=[])
        client.close(executor_wait=False)
        found = answer.value or {}
        port = int(found.get("activePort") or found.get("port") or 0)
    except Exception as error:
        # The SDK raises many unrelated types.
        raise UploadError(f"TokenExchangeService: {type(error).__name__}: {error}") from error
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}")) if port else address


@dataclass(frozen=True, kw_only=True)
class BucketUpload:
    """Uploads to an S3 bucket, with the prediction as the object's metadata."""

    bucket: str
    region: str
    credentials: Callable[[], Credentials] = device_credentials
    endpoint: str = ""
    """Another S3 endpoint, with the bucket in the path; empty for the default endpoint."""

    def put(self, key: str, content: bytes, document: Mapping[str, Any]) -> None:
        prediction = base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
        address = (
            f"{self.endpoint}/{self.bucket}"
            if self.endpoint
            else f"https://{self.bucket}.s3.{self.region}.amazonaws.com"
        )
        parts = urlsplit(address)
        path = f"{parts.path}/{quote(key, safe='/')}"
        # Metadata is limited to 2 KB in total; for a model with very many classes the list is
        # omitted.
        extra = {_METADATA: prediction} if len(prediction) < 1900 else {}
        headers = signed(
            f"{parts.scheme}://{parts.netloc}{path}",
            content,
            headers={"content-type": "image/jpeg", **extra},
            credentials=self.credentials(),
            region=self.region,
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
    url: str,
    content: bytes,
    *,
    headers: Mapping[str, str],
    credentials: Credentials,
    region: str,
) -> dict[str, str]:
    """Headers of an S3 PUT request of ``content``, with AWS Signature Version 4."""
    # Imported on first use: most cameras upload nothing.
    from awscrt import auth, http  # noqa: PLC0415

    parts = urlsplit(url)
    every = http.HttpHeaders([("host", parts.netloc), *headers.items()])
    request = http.HttpRequest("PUT", parts.path, every, BytesIO(content))
    keys = auth.AwsCredentialsProvider.new_static(
        credentials.access_key, credentials.secret_key, credentials.token
    )
    config = auth.AwsSigningConfig(
        credentials_provider=keys,
        region=region,
        service="s3",
        # S3 uses the path unchanged.
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
    )
    answer = auth.aws_sign_request(request, config).result(_TIMEOUT_SECONDS)
    return {name.lower(): value for name, value in answer.headers}
