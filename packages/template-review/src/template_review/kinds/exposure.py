# SPDX-License-Identifier: Apache-2.0
"""Network, encryption and public access: what becomes more open or less protected."""

from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.branches import each_of
from template_review.comparison.leaves import said, same
from template_review.comparison.properties import Kept, at, resources
from template_review.comparison.text import compact, shown
from template_review.kinds.safeguards import is_world
from template_review.model import Item, Level, Pair, Section

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_KEY_NAMES = (
    *("KmsKeyId", "KMSMasterKeyID", "KMSMasterKeyId", "KmsMasterKeyId", "KeyARN", "AWSKMSKeyARN"),
    *("KmsKeyArn", "SSEAlgorithm", "SSEEnabled", "VolumeKmsKeyId", "StorageEncrypted", "Encrypted"),
    *("SqsManagedSseEnabled", "KMSEncryptionConfig", "SSEType", "KeyType"),
)
_SWITCHES = {
    "EnableKeyRotation": ("key rotation", True, Level.DANGEROUS),
    "EnableNetworkIsolation": ("network isolation", True, Level.DANGEROUS),
    "PubliclyAccessible": ("public access from the internet", False, Level.DANGEROUS),
    "MapPublicIpOnLaunch": ("public addresses for new machines", False, Level.DANGEROUS),
    "DirectInternetAccess": ("direct internet access", "Disabled", Level.DANGEROUS),
    "RootAccess": ("root access in the notebook", "Disabled", Level.DANGEROUS),
    "EnforceSSL": ("TLS only", True, Level.DANGEROUS),
}
_DEFAULT_KEY = {"AWS::Lambda::Function"}
"""Where a missing key means one that AWS manages, and nothing is stored that belongs to users."""
_OPEN_LISTS = {"PublicRead", "PublicReadWrite", "AuthenticatedRead"}
_OWNER_ONLY = "BucketOwnerEnforced"


def exposure_items(pair: Pair) -> list[Item]:
    """Everything that opens or closes a way in, or changes how data is protected."""
    items: list[Item] = []
    for kept in resources(pair):
        items += _network(kept)
        if kept.new is None:
            continue
        items += _public(kept)
        if kept.old is not None:
            items += _encryption(kept)
            items += _switches(kept)
    return items


def _network(kept: Kept) -> Iterator[Item]:
    for path, direction in (
        ("SecurityGroupIngress", "from"),
        ("SecurityGroupEgress", "to"),
    ):
        if kept.type not in {"AWS::EC2::SecurityGroup", f"AWS::EC2::{path}"}:
            continue
        old, new = (set(_openings(side, path, kept.type)) for side in (kept.old, kept.new))
        for where, ports in sorted(new - old):
            danger = direction == "from" and is_world(where)
            level = Level.DANGEROUS if danger else Level.LOOK
            yield _item(level, kept, f"opened: {ports} {direction} {shown(where)}", (path,))
        for where, ports in sorted(old - new):
            yield _item(Level.LOOK, kept, f"closed: {ports} {direction} {shown(where)}", (path,))
    old_place, new_place = at(kept.old, "VpcConfig"), at(kept.new, "VpcConfig")
    if kept.old is not None and kept.new is not None and old_place != new_place:
        text = "leaves its VPC" if not new_place else "its VPC, subnets or security groups change"
        values = "; ".join(leaf.text for leaf in kept.leaves if leaf.path.startswith("VpcConfig"))
        yield _item(Level.LOOK, kept, f"{text}: {values}", ("VpcConfig",))


def _openings(properties: Any, path: str, kind: str) -> Iterator[tuple[str, str]]:
    if properties is None:
        return
    for rule, _ in each_of(properties if kind.endswith(path) else properties.get(path)):
        if not isinstance(rule, Mapping):
            yield "?", compact(rule)
            continue
        where = next(
            (compact(rule[key]) for key in rule if key.startswith(("Cidr", "Source", "Dest"))), "?"
        )
        ports = f"{rule.get('FromPort', 'all')}-{rule.get('ToPort', 'all')}"
        yield where, f"{rule.get('IpProtocol', 'all')} {ports}"


def _public(kept: Kept) -> Iterator[Item]:
    if kept.type != "AWS::S3::Bucket":
        return
    opened = []
    for name in _BLOCKS:
        path = f"PublicAccessBlockConfiguration.{name}"
        # S3 blocks it for a new bucket, unless the template says otherwise.
        old, new = True if kept.old is None else at(kept.old, path), at(kept.new, path)
        unless_said = kept.old is None and new is None
        if same(old, True) and not same(new, True) and not unless_said:
            opened.append(name)
    if opened:
        text = f"public access is no longer blocked: {', '.join(opened)}: true -> false"
        paths = tuple(f"PublicAccessBlockConfiguration.{name}" for name in opened)
        yield _item(Level.DANGEROUS, kept, text, paths)
    for path in ("AccessControl", "WebsiteConfiguration", "CorsConfiguration"):
        old, new = at(kept.old, path), at(kept.new, path)
        if new is not None and old != new:
            public = str(new) in _OPEN_LISTS or path == "WebsiteConfiguration"
            level = Level.DANGEROUS if public else Level.LOOK
            text = f"{path}: {said(old)} -> {said(new)}"
            yield _item(level, kept, text, (path,))
    for leaf in kept.leaves:
        if leaf.name == "ObjectOwnership" and leaf.before == _OWNER_ONLY:
            text = f"{leaf.text}: access control lists count again, beside the policies"
            yield _item(Level.DANGEROUS, kept, text, (leaf.path,), cause=leaf.text)


def _encryption(kept: Kept) -> Iterator[Item]:
    for leaf in kept.leaves:
        if leaf.name not in _KEY_NAMES or (leaf.name == "KeyType" and "Encrypt" not in leaf.path):
            continue
        before, after = leaf.before, leaf.after
        weaker = after in (None, False, "AES256", "AWS_OWNED_CMK") or str(after).startswith(
            "alias/aws/"
        )
        cause = f"encryption {leaf.text}"
        if before is None and after is not None:
            text = f"encryption added: {leaf.text}"
            yield _item(Level.SAFE, kept, text, (leaf.path,), cause=cause)
        elif weaker:
            text = f"encryption weakened: {leaf.path}: {shown(str(before))} -> {after or 'none'}"
            level = Level.LOOK if kept.type in _DEFAULT_KEY else Level.DANGEROUS
            yield _item(level, kept, text, (leaf.path,), cause=cause)
        else:
            text = f"encryption: {leaf.text}"
            yield _item(Level.LOOK, kept, text, (leaf.path,), cause=cause)


def _switches(kept: Kept) -> Iterator[Item]:
    for name, (what, good, level) in _SWITCHES.items():
        old, new = at(kept.old, name), at(kept.new, name)
        if old == new:
            continue
        if old == good or (good is False and new is True) or (good == "Disabled" and old == good):
            yield _item(level, kept, f"{what}: {name}: {said(old)} -> {said(new)}", (name,))
        elif new == good:
            yield _item(Level.SAFE, kept, f"{what}: {name}: {said(old)} -> {said(new)}", (name,))


def _item(
    level: Level, kept: Kept, text: str, paths: tuple[str, ...] = (), *, cause: str = ""
) -> Item:
    claims = tuple(kept.claim(path) for path in paths)
    return Item(Section.EXPOSURE, level, kept.subject, text, claims=claims, cause=cause)
