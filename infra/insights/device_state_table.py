# SPDX-License-Identifier: Apache-2.0
"""The latest state of every camera."""

from constructs import Construct

from infra.common.table import KeyedTable, key


class DeviceStateTable(KeyedTable):
    """One row per camera and kind of message: ``thing``, ``kind`` and the message.

    contracts/fleet.py has the kinds. Rows of messages do not expire, because a camera that has been
    silent for a month must still be listed as silent. Rows of old deployments expire.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(
            scope,
            construct_id,
            partition_key=key("thing"),
            sort_key=key("kind"),
            time_to_live_attribute="expires",
            no_backup_plan="Every row is written again by the next message of its camera; "
            "point-in-time recovery covers a deletion by mistake.",
        )
