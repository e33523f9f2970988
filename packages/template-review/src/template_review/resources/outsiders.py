# SPDX-License-Identifier: Apache-2.0
"""Whatever names somebody else: another account, another's bucket, an address outside AWS.

Data, alarms and calls that go there have left the account, and no policy of this account holds
there. So a new one is dangerous wherever it stands: in a property of any depth, in JSON inside a
string, in a resource that is added.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from template_review.comparison.leaves import Leaf
from template_review.comparison.properties import Kept, resources
from template_review.comparison.text import compact, shown
from template_review.model import Assembly, Item, Level, Pair, Section

_ARN = re.compile(r"arn:aws[\w-]*:[\w-]+:[\w-]*:(\d{12}):")
_BUCKET = re.compile(r"(?:arn:aws[\w-]*:s3:::|\bs3://)([^/«»*?$\s\"',{}]+)")
_BUCKET_IN_PATH = re.compile(
    r"\bhttps?://s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?/([^/«»*?$\s\"',{}]+)", re.IGNORECASE
)
"""An S3 address that has the bucket in its path: a nested stack's template, a script."""
_REGISTRY = re.compile(r"\b(\d{12})\.dkr\.ecr\.")
_URL = re.compile(r"\b(?:https?|wss?|mqtts?|ftps?|tcp|tls)://([^/\s\"'«»:,]+)", re.IGNORECASE)
_QUEUE = re.compile(r"\.amazonaws\.com/(\d{12})/")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_PHONE = re.compile(r"^\+\d{7,15}$")
_ACCOUNT = re.compile(r"^\d{12}$")
_OF_AWS = re.compile(r"^(?:[a-z0-9-]+\.){0,2}(?:[a-z]{2}(?:-[a-z]+)+-\d\.)?amazonaws\.com$")
"""An endpoint of a service; a bucket's, an API's or a function's own host is not one."""
_OWNED_HOST = re.compile(r"(\.s3[.-]|\.s3\.|execute-api|lambda-url|\.on\.aws|elb\.)")
_HERE = re.compile(r"^(localhost|127\.|0\.0\.0\.0|\[::1\])")
_ASSETS = re.compile(r"^cdk-[a-z0-9]+-assets-\d{12}-[a-z0-9-]+$")
_PLACE = re.compile(
    r"(arn|bucket|topic|queue|url|uri|endpoint|destination|target|stream|sink|role|function|"
    r"actions|image|key_?id|bus|broker|host|server)",
    re.IGNORECASE,
)
"""Names of properties and variables that say where something goes or who does it."""
_WORDS = {"Description", "AlarmDescription", "Comment", "DisplayName", "Documentation"}
"""Free text for people: nothing goes to what it mentions."""
AWS_ACCOUNTS = frozenset(
    {
        *("763104351884", "727897471807", "626614931356", "871362719292", "364406365360"),
        *("907027046896", "457447274322", "692866216735", "503227376785", "914824155844"),
        *("217643126080", "442386744353", "772153158452", "637423239942", "550225433462"),
        *("683313688378", "246618743249", "662702820516", "141502667606"),
    }
)
"""Accounts of AWS from which SageMaker's images come, by region (AWS's public list)."""


@dataclass(frozen=True)
class Ours:
    """The accounts and buckets of the person who deploys; ``known`` are accounts they trust."""

    accounts: frozenset[str]
    buckets: frozenset[str]
    known: Collection[str] = field(default=())

    @classmethod
    def of(cls, *assemblies: Assembly | None, known: Collection[str] = ()) -> "Ours":
        """The accounts that the stacks are in, and the buckets that they name themselves."""
        accounts, buckets = set(), set()
        for assembly in assemblies:
            for stack in assembly.stacks.values() if assembly else ():
                accounts.add(stack.account)
                for resource in stack.resources.values():
                    name = (resource.get("Properties") or {}).get("BucketName")
                    if resource.get("Type") == "AWS::S3::Bucket" and isinstance(name, str):
                        buckets.add(name)
        return cls(frozenset(accounts), frozenset(buckets), known)


def strangers(text: str, ours: Ours) -> dict[str, str]:
    """Who is named that is not ours: {what is written: who that is}."""
    found = {}
    for pattern in (_ARN, _REGISTRY, _QUEUE, _ACCOUNT):
        for match in pattern.finditer(text):
            account = match.group(1) if pattern.groups else match.group()
            if account not in ours.accounts | AWS_ACCOUNTS and account not in ours.known:
                found[account] = f"account {account}"
    for match in (*_BUCKET.finditer(text), *_BUCKET_IN_PATH.finditer(text)):
        bucket = match.group(1).rstrip(".")
        account_in_name = any(account in bucket for account in ours.accounts)
        if bucket not in ours.buckets and not (_ASSETS.match(bucket) and account_in_name):
            found[bucket] = f"bucket {bucket}, of an unknown owner"
    for match in _URL.finditer(text):
        host = match.group(1).rstrip(".").rpartition("@")[2]
        aws = _OF_AWS.match(host) and not _OWNED_HOST.search(host)
        if not (aws or _HERE.match(host) or host in {"«", "$"} or "${" in host or not host):
            found[host] = f"host {host}, outside of this account"
    for match in _MAIL.finditer(text):
        found[match.group()] = f"address {match.group()}"
    if _PHONE.match(text):
        found[text] = f"number {text}"
    return found


def outsider_items(pair: Pair) -> list[Item]:
    """Every property that newly names somebody else, or a fixed place instead of an own one."""
    if pair.base is None or pair.head is None:
        return []
    ours = Ours.of(pair.base, pair.head, known=pair.project.known_accounts)
    return [item for kept in resources(pair) if kept.new is not None for item in _of(kept, ours)]


def _of(kept: Kept, ours: Ours) -> Iterator[Item]:
    for leaf in kept.leaves:
        if leaf.name in _WORDS or _in_policy(leaf.path):
            continue
        fresh = _strangers_in(leaf.after, ours)
        for text in _strangers_in(leaf.before, ours):
            fresh.pop(text, None)
        if leaf.before is None and _unknown_bucket(kept, leaf, ours):
            fresh[str(leaf.after)] = f"bucket {leaf.after}, of an unknown owner"
        if fresh:
            who = ", ".join(sorted(fresh.values()))
            yield _item(kept, leaf, f"{leaf.text}: {_verb(leaf)} {who}")
        elif _leaves_the_stack(leaf):
            text = f"{leaf.text}: no longer this app's own, but a fixed name that anybody may own"
            yield _item(kept, leaf, text)


def _strangers_in(value: Any, ours: Ours) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            found |= strangers(each, ours)
        elif isinstance(each, int) and len(str(each)) == 12:
            found |= strangers(str(each), ours)
    return found


def _unknown_bucket(kept: Kept, leaf: Leaf, ours: Ours) -> bool:
    """A property that takes the plain name of a bucket, which somebody else may own.

    Only the owner of a bucket can configure it, so the types of S3 itself are left out.
    """
    name = leaf.after
    if kept.type.startswith("AWS::S3::") or not isinstance(name, str):
        return False
    literal = leaf.name.endswith(("Bucket", "BucketName")) and _NAME.fullmatch(name) is not None
    return literal and not strangers(f"s3://{name}", ours).keys().isdisjoint({name})


def _leaves_the_stack(leaf: Leaf) -> bool:
    """A bucket of the app is replaced by a literal: names of buckets are the whole world's."""
    before, after = compact(leaf.before), compact(leaf.after)
    if leaf.before is None or leaf.after in (None, "") or "«" not in before or "«" in after:
        return False
    return "bucket" in leaf.path.lower() and _NAME.fullmatch(after) is not None


_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{2,62}")


def _in_policy(path: str) -> bool:
    """Principals and resources of policies have their own section."""
    return re.search(r"(^|\.)(Statement|PolicyDocument|ManagedPolicyArns)\b", path) is not None


def _verb(leaf: Leaf) -> str:
    return "goes to" if _PLACE.search(leaf.name) else "names"


def _item(kept: Kept, leaf: Leaf, text: str) -> Item:
    return Item(
        Section.EXPOSURE,
        Level.DANGEROUS,
        kept.subject,
        shown(text),
        "~" if kept.old is not None else "+",
        claims=(kept.claim(leaf.path),),
        cause=f"{leaf.name} {shown(text)}",
    )
