# SPDX-License-Identifier: Apache-2.0
"""Refuses what AWS refuses: every call is decided by the policies that apply to it."""

from __future__ import annotations

from pathlib import Path


def install(permissions: Path) -> None:
    """Decide and record every call from now on; ``permissions`` is the file of the decisions."""
    from rehearsal.local_aws.enforcement import requests  # noqa: PLC0415 - after ministack's settings
    from rehearsal.local_aws.enforcement.ledger import ledger  # noqa: PLC0415

    ledger.start(permissions)
    requests.install()
