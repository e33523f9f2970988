# SPDX-License-Identifier: Apache-2.0
"""The mail that names the expiring enrolment kits."""

from collections.abc import Sequence

from fleet_watch.faults import Mail


def expiring(kits: Sequence[str], *, place: str) -> Mail:
    """The mail about kits that expire (``kit 12345678 expires on 2026-12-01``) in ``place``.

    Enrolled cameras are not affected, but boxes that have not enrolled yet are.
    """
    lines = [
        *(f"- {one}" for one in kits),
        "",
        "Enrolled cameras are not affected, but no box can enrol with",
        "a kit that has expired: `make enrolment` makes another kit. `make cameras` lists kits,",
        "and its REVOKE= revokes one that is not needed.",
    ]
    # SNS allows 100 characters; the text lists all kits.
    subject = f"Binsight {place}: enrolment {', '.join(kits)}"[:100]
    return Mail(subject=subject, text="\n".join(lines))
