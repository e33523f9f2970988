# SPDX-License-Identifier: Apache-2.0
"""Authorizes every call by the policies that apply to it, as AWS does."""

from __future__ import annotations

from pathlib import Path

CHECKED_SERVICES = ("sagemaker", "greengrass", "dynamodb", "s3")


def install(permissions: Path) -> None:
    """Decide and record every call from now on; ``permissions`` is the file of the decisions.

    Call it after all services are installed: it wraps their handlers in the checks.
    """
    # After ministack's settings, which it reads when it is imported.
    from ministack import app  # noqa: PLC0415

    from ministack_edge import ministack_patches  # noqa: PLC0415
    from ministack_edge.enforcement import (  # noqa: PLC0415
        cloudformation,
        condition_keys,
        dependents,
        provisioned,
        query_arns,
        query_reads,
        requests,
        resources,
        services,
        session_variables,
    )
    from ministack_edge.enforcement.ledger import ledger  # noqa: PLC0415
    from ministack_edge.iot import fleet_provisioning  # noqa: PLC0415

    ledger.start(permissions)
    session_variables.install()
    requests.install()
    condition_keys.install()
    query_arns.install()
    query_reads.install()
    resources.install()
    services.install()
    provisioned.install()
    cloudformation.install()
    ministack_patches.wrap(
        "ministack.services.iot",
        "_provisioning_role_allows",
        lambda _original: fleet_provisioning.role_allows,
    )
    for service in CHECKED_SERVICES:
        handler = app.SERVICE_HANDLERS[service]
        app.SERVICE_HANDLERS[service] = dependents.checked(service, handler)
