# SPDX-License-Identifier: Apache-2.0
"""The table of expected cameras and enrolment kits, and the cameras registered in AWS IoT.

One DynamoDB table with the key ``id``: ``serial#<serial number>`` is a camera, ``kit#<certificate
id>`` an enrolment kit, which is a claim certificate. ``tools/cameras.py`` and
``tools/enrolment.py`` write the table; this function only records claims.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

CLAIM_SECONDS = 120
"""How long a claim reserves a serial number. It keeps a second camera from claiming the same number
at the same moment, and lets a registration that failed in AWS IoT be tried again later. ``make
cameras`` ends it early with ``EXPECT=`` and ``ROTATE=`` (ADR 0017)."""


class Registry:
    """``table`` is a boto3 DynamoDB table, ``iot`` a boto3 client, ``prefix`` the environment's."""

    def __init__(self, table: Any, iot: Any, prefix: str) -> None:
        self._table = table
        self._iot = iot
        self._prefix = prefix

    def camera(self, serial: str) -> Mapping[str, Any] | None:
        """The expected camera with this serial number, or None."""
        return self._item(f"serial#{serial}")

    def kit(self, certificate_id: str) -> Mapping[str, Any] | None:
        """The enrolment kit with this claim certificate, or None."""
        return self._item(f"kit#{certificate_id}")

    def registered(self, serial: str) -> bool:
        """Whether a camera with this serial number already has a certificate."""
        try:
            pages = self._iot.get_paginator("list_thing_principals").paginate(
                thingName=f"{self._prefix}-{serial}"
            )
            return any(page["principals"] for page in pages)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise

    def claim(self, serial: str, *, certificate_id: str, kit: str, now: int) -> bool:
        """Claim the serial number for one certificate; False if another one has just claimed it."""
        try:
            self._table.update_item(
                Key={"id": f"serial#{serial}"},
                UpdateExpression="SET claimed_at = :now, certificate = :certificate, kit = :kit",
                ConditionExpression=(
                    "attribute_exists(id) AND (attribute_not_exists(claimed_at)"
                    " OR claimed_at < :free OR certificate = :certificate)"
                ),
                ExpressionAttributeValues={
                    ":now": now,
                    ":free": now - CLAIM_SECONDS,
                    ":certificate": certificate_id,
                    ":kit": kit,
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def active_kits(self) -> list[Mapping[str, Any]]:
        """Every kit that can still be used."""
        pages = self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            FilterExpression="kind = :kit AND kit_state = :active",
            ExpressionAttributeValues={":kit": "kit", ":active": "active"},
        )
        return [item for page in pages for item in page["Items"]]

    def close(self, certificate_id: str) -> None:
        """Deactivate a kit's claim certificate and mark the kit as expired."""
        self._iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
        self._table.update_item(
            Key={"id": f"kit#{certificate_id}"},
            UpdateExpression="SET kit_state = :expired",
            ExpressionAttributeValues={":expired": "expired"},
        )

    def _item(self, key: str) -> Mapping[str, Any] | None:
        # Consistent: a camera that was added a second ago must not be refused.
        found: Mapping[str, Any] | None = self._table.get_item(
            Key={"id": key}, ConsistentRead=True
        ).get("Item")
        return found
