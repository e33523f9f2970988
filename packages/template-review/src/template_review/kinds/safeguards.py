# SPDX-License-Identifier: Apache-2.0
"""Single values that hold something back or keep something in: what their loosening means."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from template_review.comparison.leaves import same
from template_review.comparison.properties import Kept, at, resources
from template_review.model import Item, Level, Pair, Section


class _Safeguard(NamedTuple):
    """A property that guards, or opens, with one of ``values``, in types whose name matches
    ``kinds``."""

    name: str
    values: tuple[Any, ...]
    meaning: str
    kinds: str = ""


_GUARDS = (
    _Safeguard("DeletionProtection", (True, "ACTIVE"), "it can be deleted"),
    _Safeguard("DeletionProtectionEnabled", (True,), "it can be deleted"),
    _Safeguard("MfaConfiguration", ("ON",), "a password alone is enough", "Cognito"),
    _Safeguard("Protocol", ("HTTPS", "TLS"), "traffic is not encrypted", "Listener$"),
    _Safeguard("Scheme", ("internal",), "it is reachable from the internet", "LoadBalanc"),
    _Safeguard(
        "ViewerProtocolPolicy", ("https-only", "redirect-to-https"), "traffic is not encrypted"
    ),
    _Safeguard("HttpTokens", ("required",), "a forged request gets the role"),
    _Safeguard("IsMultiRegionTrail", (True,), "calls in other regions are not recorded"),
    _Safeguard("IncludeGlobalServiceEvents", (True,), "calls to IAM are not recorded"),
    _Safeguard("BlockPublicPolicy", (True,), "a policy for everybody is taken", "SecretsManager"),
    _Safeguard("ImageTagMutability", ("IMMUTABLE",), "an image can be replaced under its tag"),
    _Safeguard("UntrustedArtifactOnDeployment", ("Enforce",), "unsigned code is taken"),
    _Safeguard("Types", (["PRIVATE"],), "it is reachable from the internet", "ApiGateway"),
    _Safeguard("Key", ("aws:PrincipalOrgID",), "any account gets in", "EventBusPolicy$"),
    _Safeguard("Category", ("Approval",), "nobody has to approve any more", "CodePipeline"),
    _Safeguard("Action", ("Block",), "requests are let through", "WAF"),
    _Safeguard("DefaultAction", ("Block",), "requests are let through", "WAF"),
    _Safeguard("OverrideAction", ("None",), "requests are let through", "WAF"),
)
_UNAUTHENTICATED = _Safeguard("AllowUnauthenticatedIdentities", (True,), "anybody gets credentials")
_DANGERS = (
    _UNAUTHENTICATED,
    _Safeguard("EndpointPublicAccess", (True,), "the cluster is reachable from the internet"),
    _Safeguard("Privileged", (True,), "the container controls its machine"),
    _Safeguard("PrivilegedMode", (True,), "the container controls its machine"),
    _Safeguard("AssignPublicIp", ("ENABLED",), "it is reachable from the internet"),
    _Safeguard("AssociatePublicIpAddress", (True,), "it is reachable from the internet"),
    _Safeguard("EmptyOnDelete", (True,), "all images go with the repository"),
    _Safeguard("ForceDelete", (True,), "what is in it goes with it"),
    _Safeguard("DeleteAutomatedBackups", (True,), "the backups go with the database"),
    _Safeguard("SkipFinalSnapshot", (True,), "nothing is kept when it is deleted"),
)
"""Values that open something when they are new."""
_OPEN_FROM_THE_START = (
    _UNAUTHENTICATED,
    _Safeguard("PubliclyAccessible", (True,), "it is reachable from the internet"),
)
_GONE = {
    "WebACLId": "requests are not filtered any more",
    "WebAclArn": "requests are not filtered any more",
    "CodeSigningConfigArn": "unsigned code is taken",
}
_SECRET = re.compile(
    r"(password|passwd|secret|secret_?string|token|api_?key|private_?key)$", re.IGNORECASE
)
_NO_SECRET = re.compile(r"^(arn:|https?://|/|\{\{resolve:|true$|false$|[0-9.]+$)|«", re.IGNORECASE)
_SHORTEST_SECRET = 6


def safeguard_items(pair: Pair) -> list[Item]:
    """Every value that no longer guards, and every secret that is written out."""
    if pair.base is None or pair.head is None:
        return []
    items: list[Item] = []
    for kept in resources(pair):
        if kept.new is not None:
            items += _secrets(kept)
            items += _network_lists(kept)
        if kept.old is None:
            items += _opened(kept)
        if kept.old is not None and kept.new is not None:
            items += _loosened(kept)
            items += _replicas(kept)
        elif kept.new is None and _denies(kept.old):
            text = "removed: what it denied is decided by the rules after it"
            items.append(_item(kept, text, ("",), "-"))
    return items


def _loosened(kept: Kept) -> Iterator[Item]:
    for leaf in kept.leaves:
        for guard in _GUARDS:
            if (
                _is(leaf.name, guard, kept)
                and _any(leaf.before, guard)
                and not _any(leaf.after, guard)
            ):
                yield _item(kept, f"{leaf.text}: {guard.meaning}", (leaf.path,))
        for guard in _DANGERS:
            if _is(leaf.name, guard, kept) and _any(leaf.after, guard):
                yield _item(kept, f"{leaf.text}: {guard.meaning}", (leaf.path,))
        if leaf.name in _GONE and leaf.after is None:
            yield _item(kept, f"{leaf.text}: {_GONE[leaf.name]}", (leaf.path,))


def _opened(kept: Kept) -> Iterator[Item]:
    for leaf in kept.leaves:
        for guard in _OPEN_FROM_THE_START:
            if _is(leaf.name, guard, kept) and _any(leaf.after, guard):
                yield _item(kept, f"{leaf.text}: {guard.meaning}", (leaf.path,), "+")


def _is(name: str, guard: _Safeguard, kept: Kept) -> bool:
    return name == guard.name and re.search(guard.kinds, kept.type) is not None


def _any(value: Any, guard: _Safeguard) -> bool:
    return value is not None and any(same(value, each) for each in guard.values)


def _secrets(kept: Kept) -> Iterator[Item]:
    for leaf in kept.leaves:
        if _SECRET.search(leaf.name) and _is_secret(leaf.after):
            text = f"{leaf.path}: a secret in plain text: everyone who can read the template has it"
            yield _item(kept, text, (leaf.path,))


def _is_secret(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) >= _SHORTEST_SECRET
        and _NO_SECRET.search(value) is None
    )


def _network_lists(kept: Kept) -> Iterator[Item]:
    """Entries of a network's access list that let the world in."""
    new = kept.new
    if kept.type != "AWS::EC2::NetworkAclEntry" or new is None or same(at(new, "Egress"), True):
        return
    where = str(at(new, "CidrBlock") or at(new, "Ipv6CidrBlock") or "")
    if str(at(new, "RuleAction")).lower() == "allow" and is_world(where):
        yield _item(kept, f"opened: the network takes traffic from {where}", ("",), "+")


def _denies(properties: Any) -> bool:
    return str(at(properties, "RuleAction")).lower() == "deny"


def _replicas(kept: Kept) -> Iterator[Item]:
    if kept.type != "AWS::DynamoDB::GlobalTable":
        return
    old, new = ({one.get("Region") for one in at(side, "Replicas") or ()} for side in kept[3:5])
    for region in sorted(map(str, old - new)):
        yield _item(kept, f"the replica in {region} is deleted with its items", ("Replicas",))


def is_world(where: str) -> bool:
    """Whether a range of addresses is the internet or a large part of it."""
    try:
        network = ipaddress.ip_network(where, strict=False)
    except ValueError:
        return False
    return not network.is_private and network.prefixlen < (8 if network.version == 4 else 16)


def _item(kept: Kept, text: str, paths: tuple[str, ...], sign: str = "~") -> Item:
    claims = tuple(kept.claim(path) for path in paths)
    return Item(Section.EXPOSURE, Level.DANGEROUS, kept.subject, text, sign, claims=claims)
