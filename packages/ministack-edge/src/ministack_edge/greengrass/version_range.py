# SPDX-License-Identifier: Apache-2.0
"""Version requirements of Greengrass components, as far as nucleus lite understands them too."""

import re


class VersionRangeError(ValueError):
    """A version requirement in a form that a nucleus lite never matches."""


_COMPARISON = re.compile(r"(?P<sign>[<>]=?|==?|)(?P<version>\d+(?:\.\d+){2})")


def satisfies(version: str, requirement: str) -> bool:
    """Whether a version is in a range: comparisons joined by spaces, such as ``>=1.0.0 <2.0.0``.

    Raises VersionRangeError for any other form of a range: a nucleus lite never matches it.
    """
    return all(_holds(version, comparison) for comparison in requirement.split())


def numbers(version: str) -> tuple[int, ...]:
    """A version in its order; what follows a hyphen does not count."""
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def _holds(version: str, comparison: str) -> bool:
    match = _COMPARISON.fullmatch(comparison)
    if match is None:
        raise VersionRangeError(
            f"version requirement {comparison!r}: only =, >, >=, < and <= with three numbers match "
            "on a nucleus lite"
        )
    mine, other = numbers(version), numbers(match["version"])
    return {
        "": mine == other,
        "=": mine == other,
        "==": mine == other,
        "<": mine < other,
        "<=": mine <= other,
        ">": mine > other,
        ">=": mine >= other,
    }[match["sign"]]
