# SPDX-License-Identifier: Apache-2.0
"""Every IAM statement of an assembly as single grants: who may do what on what, under which
conditions. Two assemblies are compared grant by grant, however the statements are arranged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from template_review.comparison.branches import branches, each_of
from template_review.comparison.text import Texts, compact
from template_review.iam.statements import TEMPLATE, statements_of
from template_review.model import Assembly, Stack

Clause = tuple[str, str, tuple[str, ...]]
"""(operator, key, values) of a condition."""

Condition = frozenset[Clause]

TRUST, RESOURCE, IDENTITY, DEVICE = "trust", "resource", "identity", "device"

_POLICY_PROPERTIES = (
    *("PolicyDocument", "KeyPolicy", "ResourcePolicy", "ModelPackageGroupPolicy", "Policy"),
    *("RepositoryPolicyText", "PolicyText", "PolicyString", "FileSystemPolicy", "AccessPolicies"),
    *("AccessPolicy", "BackupVaultPolicy", "InlinePolicy", "Content", "Statement"),
)
_ALWAYS_POLICIES = frozenset(
    (
        *("KeyPolicy", "PolicyDocument", "ModelPackageGroupPolicy", "PolicyText"),
        *("RepositoryPolicyText", "ResourcePolicy"),
    )
)
"""Those of them that are a policy in every type that has them."""
_MANAGED_PROPERTIES = ("ManagedPolicies", "ManagedPolicyArns", "Policies")
EXPANDED = "AWS::Serverless::"
"""Types that the SAM transform makes a role of, besides other things."""
_POLICY = {"Effect", "Statement", "Fn::If"}
_HOLDERS = {"AWS::IAM::Role": "role", "AWS::IAM::User": "user", "AWS::IAM::Group": "group"}
_NAMES = (
    *(("role", "Roles"), ("user", "Users"), ("group", "Groups")),
    *(("role", "RoleName"), ("user", "UserName"), ("group", "GroupName")),
)
_IDENTITY_TYPES = {
    *("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"),
    *("AWS::IAM::GroupPolicy", "AWS::IAM::UserPolicy"),
}
_PERMISSIONS = {
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::Lambda::LayerVersionPermission": "LayerVersionArn",
}
"""Resources that are one grant each, and what they grant it on."""


@dataclass(frozen=True)
class Grant:
    """One action on one resource. ``kind`` says where it stands: a role's trust, a resource's own
    policy, an identity's policy, or an IoT policy."""

    kind: str
    who: str
    effect: str
    action: str
    resource: str
    condition: Condition
    owner: str = ""
    """The resource whose policy it is, for trust and resource policies."""


def grants(assembly: Assembly) -> set[Grant]:
    """Every grant that the assembly's templates make."""
    texts = Texts(assembly)
    attached = _attachments(assembly, texts)
    found: set[Grant] = set()
    for stack in assembly.stacks.values():
        for name, resource in stack.resources.items():
            found |= set(_of_resource(name, resource, stack, texts, attached))
    return found


def _of_resource(
    name: str,
    resource: Mapping[str, Any],
    stack: Stack,
    texts: Texts,
    attached: Mapping[str, Sequence[str]],
) -> Iterator[Grant]:
    kind, properties = str(resource.get("Type")), resource.get("Properties") or {}
    me = f"«{name}»"
    if kind in _HOLDERS:
        yield from _of_holder(f"{_HOLDERS[kind]} {me}", me, properties, stack, texts)
    elif kind in _IDENTITY_TYPES:
        document = texts.document(properties.get("PolicyDocument") or {}, stack)
        for who in attached.get(me) or [f"the holders of policy {me}"]:
            yield from _statements(IDENTITY, document, who=who)
    elif kind == "AWS::IoT::Policy":
        document = texts.document(properties.get("PolicyDocument") or {}, stack)
        yield from _statements(DEVICE, document, who=f"a device with IoT policy {me}")
    elif kind in _PERMISSIONS:
        yield _permission(texts.value(properties, stack), _PERMISSIONS[kind])
    else:
        target = _target(kind, properties, me, stack, texts)
        for key in _POLICY_PROPERTIES:
            if key in properties:
                yield from _of_policy(texts.document(properties[key], stack), me, target)
        if kind.startswith(EXPANDED) or kind == "AWS::SSO::PermissionSet":
            yield from _of_expanded(f"those with {me}", properties, stack, texts)


def _of_policy(document: Any, me: str, target: str) -> Iterator[Grant]:
    """A policy of a resource; without a principal it is one of those who have the resource."""
    if isinstance(document, Mapping) and "PolicyDocument" in document:
        document = document["PolicyDocument"]
    elif not isinstance(document, Mapping) or not _POLICY & document.keys():
        return
    if any({"Principal", "NotPrincipal"} & one.keys() for one, _ in statements_of(document)):
        yield from _statements(RESOURCE, document, owner=target, itself=target)
    else:
        yield from _statements(IDENTITY, document, who=f"those with {me}")


def _of_expanded(
    holder: str, properties: Mapping[str, Any], stack: Stack, texts: Texts
) -> Iterator[Grant]:
    """The policies of what is no role itself but becomes one: names, ARNs and statements."""
    for key in _MANAGED_PROPERTIES:
        for policy in _listed(texts.document(properties.get(key) or [], stack)):
            if isinstance(policy, Mapping):
                yield from _statements(IDENTITY, policy, who=holder)
            else:
                action = f"everything in managed policy {policy}"
                yield Grant(IDENTITY, holder, "Allow", action, "*", frozenset())


def judged_as_grants(kind: str, name: str) -> bool:
    """Whether a property of a type is compared as grants."""
    if kind in _HOLDERS:
        return name in {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"}
    if kind in _IDENTITY_TYPES:
        return name in {"PolicyDocument", "Roles"}
    return name in _ALWAYS_POLICIES


def _of_holder(
    holder: str, me: str, properties: Mapping[str, Any], stack: Stack, texts: Texts
) -> Iterator[Grant]:
    """Who may become a role, user or group, and what its own policies allow."""
    trust = texts.document(properties.get("AssumeRolePolicyDocument") or {}, stack)
    yield from _statements(TRUST, trust, owner=me, itself=me)
    for inline, when in each_of(texts.value(properties.get("Policies"), stack)):
        document = inline.get("PolicyDocument") if isinstance(inline, Mapping) else inline
        yield from _statements(IDENTITY, texts.parse(document), who=holder, when=when)
    own = {f"«{name}»" for name, one in stack.resources.items() if one["Type"] in _IDENTITY_TYPES}
    for managed, when in each_of(texts.value(properties.get("ManagedPolicyArns"), stack)):
        # What the app's own policies allow is said where they are.
        if managed not in own:
            action = f"everything in managed policy {compact(managed)}"
            yield Grant(IDENTITY, holder, "Allow", action, "*", _of_template(when))


def _target(kind: str, properties: Mapping[str, Any], me: str, stack: Stack, texts: Texts) -> str:
    """What a resource policy protects."""
    for key in ("Bucket", "Topics", "Queues", "SecretId", "EventBusName", "ResourceArn"):
        if key in properties and kind.endswith("Policy"):
            value = texts.value(properties[key], stack)
            return ", ".join(compact(each) for each, _ in each_of(value))
    return me


def _attachments(assembly: Assembly, texts: Texts) -> dict[str, list[str]]:
    """Which roles, users and groups a policy resource is attached to, from both sides."""
    found: dict[str, list[str]] = {}
    for stack in assembly.stacks.values():
        for name, resource in stack.resources.items():
            properties = resource.get("Properties") or {}
            if resource.get("Type") in _HOLDERS:
                holder = f"{_HOLDERS[resource['Type']]} «{name}»"
                for policy, _ in each_of(texts.value(properties.get("ManagedPolicyArns"), stack)):
                    found.setdefault(str(policy), []).append(holder)
            elif resource.get("Type") in _IDENTITY_TYPES:
                for what, key in _NAMES:
                    for holder, _ in each_of(texts.value(properties.get(key), stack)):
                        text = f"{what} {compact(holder)}"
                        found.setdefault(f"«{name}»", []).append(text)
    return found


def _permission(properties: Mapping[str, Any], on: str) -> Grant:
    conditions = {
        ("ArnLike", "aws:SourceArn", "SourceArn"),
        ("StringEquals", "aws:SourceAccount", "SourceAccount"),
        ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
        ("StringEquals", "aws:PrincipalOrgID", "OrganizationId"),
        ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
    }
    condition = frozenset(
        (operator, key, (str(properties[name]),))
        for operator, key, name in conditions
        if name in properties
        # That a URL asks nobody is no condition for its callers.
        and (name, properties[name]) != ("FunctionUrlAuthType", "NONE")
    )
    principal = str(properties.get("Principal", "*"))
    who = principal_text({"Service" if principal.endswith(".com") else "AWS": principal})[0]
    function = str(properties.get(on))
    action = str(properties.get("Action"))
    return Grant(RESOURCE, who, "Allow", action, function, condition, function)


def _statements(
    kind: str,
    document: Any,
    *,
    who: str = "",
    owner: str = "",
    itself: str = "",
    when: Mapping[str, str] | None = None,
) -> Iterator[Grant]:
    for statement, under in statements_of(document):
        inner = _condition(statement.get("Condition") or {})
        effect = str(statement.get("Effect"))
        for person, one in [(who, {})] if who else _people(statement):
            for action, two in _named(statement, "Action"):
                for resource, three in _named(statement, "Resource") or [(itself, {})]:
                    # In a key policy "*" means the key that it stands on.
                    target = itself if itself and resource == "*" else resource
                    outer = _of_template({**(when or {}), **under, **one, **two, **three})
                    yield Grant(kind, person, effect, action, target, inner | outer, owner)


def _people(statement: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    if "NotPrincipal" in statement:
        named = ", ".join(principal_text(statement["NotPrincipal"]))
        return [(f"anyone but {named}", {})]
    return [
        (text, {**under, **inner})
        for principal, under in branches(statement.get("Principal"))
        for text, inner in _principals(principal)
    ]


def _named(statement: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, str]]]:
    """The actions or resources of a statement."""
    if f"Not{name}" in statement:
        named = ", ".join(compact(each) for each, _ in each_of(statement[f"Not{name}"]))
        return [(f"anything but {named}", {})]
    return [(compact(each), under) for each, under in each_of(statement.get(name))]


def principal_text(principal: Any) -> list[str]:
    """A statement's principals, one text each."""
    return [text for text, _ in _principals(principal)]


def _principals(principal: Any) -> Iterator[tuple[str, dict[str, str]]]:
    if not isinstance(principal, Mapping):
        yield ("anyone" if principal in ("*", None) else str(principal)), {}
        return
    for kind, names in principal.items():
        for name, under in each_of(names):
            yield _principal(kind, compact(name)), under


def _principal(kind: str, name: str) -> str:
    if name == "*":
        return "anyone"
    if kind != "AWS":
        return f"{kind.lower()} {name}"
    if name.endswith(":root") and name.count(":") > 4:
        return f"account {name.split(':')[4]}"
    return f"account {name}" if name.isdigit() else name


def _condition(condition: Mapping[str, Any]) -> Condition:
    return frozenset(
        (operator, key, tuple(sorted(compact(value) for value in _listed(values))))
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, Mapping) else [(compact(keys), [])])
    )


def _of_template(when: Mapping[str, str]) -> Condition:
    return frozenset((TEMPLATE, name, (word,)) for name, word in when.items())


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
