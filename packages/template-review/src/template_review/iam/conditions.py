# SPDX-License-Identifier: Apache-2.0
"""Whether one condition of a policy allows more than another on the same key."""

import ipaddress
from collections.abc import Sequence

from template_review.iam.wildcards import matches

Test = tuple[str, Sequence[str]]
"""(operator, values)."""

_ABSENT = "IfExists"
_ALL = "ForAllValues:"


def loosened(old: Test, new: Test) -> bool:
    """Whether what ``old`` held back passes ``new``."""
    (before, values), (after, others) = old, new
    if _passes_absent(after) and not _passes_absent(before):
        return True
    was, now = _bare(before), _bare(after)
    if "Not" in was or "Not" in now:
        # What is named is held back: fewer names hold back less.
        return "Not" not in was or ("Not" in now and not all(_any(others, one) for one in values))
    if was.startswith(("Numeric", "Date")):
        return was == now and _further(was, values, others)
    if was == "IpAddress":
        return any(not _inside(one, values) for one in others)
    if was in {"Null", "Bool"}:
        return was == now and set(values) != set(others)
    return _more_names(values, others)


def _more_names(values: Sequence[str], others: Sequence[str]) -> bool:
    more = [one for one in others if not _any(values, one)]
    kept = all(any(matches(one, value) for one in others) for value in values)
    # All that passed still does, and something more; other values altogether are another condition.
    return bool(more) and kept


def _passes_absent(operator: str) -> bool:
    return operator.endswith(_ABSENT) or operator.startswith(_ALL)


def _bare(operator: str) -> str:
    return operator.rpartition(":")[2].removesuffix(_ABSENT)


def _any(patterns: Sequence[str], value: str) -> bool:
    return any(matches(pattern, value) for pattern in patterns)


def _further(operator: str, old: Sequence[str], new: Sequence[str]) -> bool:
    if operator.startswith("Numeric"):
        try:
            was, now = sorted(map(float, old)), sorted(map(float, new))
        except ValueError:
            return old != new
        if "Less" in operator:
            return now[-1] > was[-1]
        return now[0] < was[0] if "Greater" in operator else was != now
    if "Less" in operator:
        return max(new) > max(old)
    return min(new) < min(old) if "Greater" in operator else old != new


def _inside(address: str, networks: Sequence[str]) -> bool:
    try:
        one = ipaddress.ip_network(address, strict=False)
        others = [ipaddress.ip_network(each, strict=False) for each in networks]
    except ValueError:
        return address in networks
    return any(
        (isinstance(one, ipaddress.IPv4Network) == isinstance(each, ipaddress.IPv4Network))
        and one.network_address in each
        and one.prefixlen >= each.prefixlen
        for each in others
    )
