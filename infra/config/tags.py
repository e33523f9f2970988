# SPDX-License-Identifier: Apache-2.0
"""Which tags are accepted by all services that Binsight deploys to.

CloudFormation puts a stack's tags on every resource in it, so a tag must satisfy the strictest
service. IAM, Lambda, SageMaker, AWS IoT and CloudWatch Logs limit the characters; IAM compares keys
without regard to case and reserves ``aws:`` in values too (IAM user guide, Tags for IAM resources).
"""

import unicodedata
from collections.abc import Iterator, Mapping

from infra.config.limits import OWN_TAGS, TAG_KEY, TAG_VALUE, TAGS

CHARACTERS = "letters, digits, spaces and _ . : / = + - @"
_SIGNS = set("_.:/=+-@")


def faults(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What AWS would refuse: the tag as ``key = value`` (or the keys), and what is allowed."""
    for key, value in tags.items():
        shown = f"{key!r} = {value!r}"
        if not 1 <= len(key) <= TAG_KEY.most:
            yield shown, f"a key of 1 to {TAG_KEY.most} characters"
        if len(value) > TAG_VALUE.most:
            yield shown, f"a value of at most {TAG_VALUE.most} characters"
        if not (_suits(key) and _suits(value)):
            yield shown, f"{CHARACTERS} in key and value"
        if key.lower().startswith("aws:") or value.lower().startswith("aws:"):
            yield shown, "a key and a value that do not begin with aws:, which AWS reserves"
        if key != key.strip() or value != value.strip():
            yield shown, "no space at the beginning or the end"
    most = TAGS.most - OWN_TAGS
    if len(tags) > most:
        yield f"{len(tags)} tags", f"at most {most}, because the CDK adds one of its own to {most}"
    lowered: dict[str, str] = {}
    for key in tags:
        first = lowered.setdefault(key.lower(), key)
        if first != key:
            yield (
                f"{first!r} and {key!r}",
                "one of them, because IAM does not distinguish upper and lower case in keys",
            )


def _suits(text: str) -> bool:
    """Letters, digits and separators of any language, as the services' patterns say."""
    return all(one in _SIGNS or unicodedata.category(one)[0] in "LNZ" for one in text)
