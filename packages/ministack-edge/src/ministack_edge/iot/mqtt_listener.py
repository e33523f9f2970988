# SPDX-License-Identifier: Apache-2.0
"""MQTT over mutual TLS on loopback, and fleet provisioning with a signing request.

ministack has the listener and decides what a certificate may do by its IoT policies. Two things are
added: it listens on 127.0.0.1 instead of on every address, and it answers
``$aws/certificates/create-from-csr/json``, which nucleus lite asks.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import iot

from ministack_edge import ministack_patches

HOST = "127.0.0.1"
CSR_TOPIC = "$aws/certificates/create-from-csr/json"
CSR = "create-from-csr"


async def _start() -> None:
    """Bind the listener; raises OSError where the port is taken."""
    if iot._mtls_server is not None:
        return
    port = iot._mtls_port()
    if port is None:
        return
    loop = asyncio.get_running_loop()
    iot._mtls_server = await loop.create_server(iot._MtlsAcceptor, host=HOST, port=port)
    iot._mtls_loop = loop


def _topic(original: Callable[..., Any]) -> Callable[..., Any]:
    def parse(topic: str) -> tuple[str, str | None] | None:
        found: tuple[str, str | None] | None = original(topic)
        return (CSR, None) if topic == CSR_TOPIC else found

    return parse


def _reply(original: Callable[..., Any]) -> Callable[..., Any]:
    async def answer(account: str, region: str, operation: str, *rest: Any) -> Any:
        _template, payload, _connection = rest
        if operation == CSR:
            return await asyncio.to_thread(_sign, account, region, payload)
        return await original(account, region, operation, *rest)

    return answer


def _sign(account: str, region: str, payload: bytes) -> tuple[str, dict[str, Any]]:
    """``CreateCertificateFromCsr``: a pending certificate and its ownership token."""
    try:
        request = json.loads(payload)["certificateSigningRequest"]
        authority, key = iot._ensure_ca()
        certificate = iot.sign_certificate_request(authority, key, request)
    except (ValueError, KeyError, TypeError):
        return "rejected", {
            "statusCode": 400,
            "errorCode": "InvalidPayload",
            "errorMessage": "CSR violates constraints",
        }
    certificate_id = iot.get_certificate_id(certificate)
    token = secrets.token_urlsafe(48)
    with request_scope(account, region):
        iot._certificates[certificate_id] = iot._certificate_record(
            certificate_id, certificate, "PENDING_ACTIVATION"
        )
        iot._ownership_tokens[token] = {
            "certificateId": certificate_id,
            "expiration": time.time() + iot._OWNERSHIP_TOKEN_SECONDS,
        }
    return "accepted", {
        "certificateId": certificate_id,
        "certificatePem": certificate,
        "certificateOwnershipToken": token,
    }


def install() -> None:
    """Take ministack's listener to loopback; answer signing requests."""
    module = "ministack.services.iot"
    ministack_patches.wrap(module, "_mtls_start_locked", lambda _original: _start)
    ministack_patches.wrap(module, "_parse_fleet_provisioning_topic", _topic)
    ministack_patches.wrap(module, "_fleet_provisioning_reply", _reply)
