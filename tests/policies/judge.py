# SPDX-License-Identifier: Apache-2.0
"""What AWS's service authorization reference has against a policy, one line per finding."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.policies.arns import meets
from tests.policies.authorization import Action, ResourceType, action, expand, supports
from tests.policies.documents import IDENTITY, IOT, TRUST, Document, listed

NOTHING = ()
_IOT = "arn:${Partition}:iot:${Region}:${Account}"
_COMPONENT = (
    "arn:${Partition}:greengrass:${Region}:${Account}:components:${ComponentName}"
    ":versions:${ComponentVersion}"
)
IOT_POLICY: Mapping[str, tuple[str, ...]] = {
    # AWS IoT developer guide, "AWS IoT Core policy actions" and "Authorizing direct calls".
    "iot:Connect": (f"{_IOT}:client/${{ClientId}}",),
    "iot:Publish": (f"{_IOT}:topic/${{TopicName}}",),
    "iot:Receive": (f"{_IOT}:topic/${{TopicName}}",),
    "iot:Subscribe": (f"{_IOT}:topicfilter/${{TopicFilter}}",),
    "iot:AssumeRoleWithCertificate": (f"{_IOT}:rolealias/${{RoleAlias}}",),
    # Greengrass V2 developer guide, "Device authentication and authorization".
    "greengrass:GetComponentVersionArtifact": (_COMPONENT,),
    "greengrass:ListThingGroupsForCoreDevice": (f"{_IOT}:thing/${{ThingName}}",),
    "greengrass:GetDeploymentConfiguration": NOTHING,
    "greengrass:ResolveComponentCandidates": NOTHING,
}
"""What an action in a policy of AWS IoT is authorised on; nothing: it takes ``*`` only.

AWS IoT decides these, not IAM. For ResolveComponentCandidates the reference of IAM names
componentVersion, the Greengrass guide says that in a policy of AWS IoT it has no resource, and all
published policies of core devices that we found have ``*`` there. ``*`` is right in both readings:
the call tells which versions of components there are, and nothing else. The others that the
reference does not know, or knows for IAM only, follow the guides as well."""


def findings(document: Document) -> list[str]:
    """What is wrong with the Allow statements of a policy; and with actions that are denied."""
    found = [line for where, one in document.allows() for line in _allowed(document, where, one)]
    for number, statement in enumerate(document.statements):
        if statement["Effect"] == "Deny":
            where = f"{document.where}: statement {statement.get('Sid', number)}"
            found += [f"{where}: {one}: AWS has no such action" for one in _unknown(statement)]
    return found


def _unknown(statement: Mapping[str, Any]) -> Iterator[str]:
    for pattern in listed(statement.get("Action")):
        if pattern != "*" and not expand(pattern):
            yield str(pattern)


def _allowed(document: Document, where: str, statement: Mapping[str, Any]) -> Iterator[str]:
    if "NotAction" in statement or "NotResource" in statement:
        yield f"{where}: NotAction or NotResource allows everything that is not named"
        return
    actions: list[Action] = []
    for pattern in listed(statement["Action"]):
        meant = _meant(document, pattern)
        if not meant:
            yield f"{where}: {pattern}: AWS has no such action"
        fitting = [one for one in meant if _fits(document, one, statement)]
        if meant and not fitting:
            takes = ", ".join(_forms(meant)) or "* only"
            yield f"{where}: {pattern} on {listed(statement.get('Resource'))}: it takes {takes}"
        actions += fitting if "*" in pattern else meant
    if document.kind in (IDENTITY, IOT):
        yield from _useless(where, statement, actions)
    yield from _conditions(where, statement, actions)


def _meant(document: Document, pattern: str) -> list[Action]:
    if document.kind != IOT:
        return [action(name) for name in expand(pattern)]
    if pattern not in IOT_POLICY:
        return []
    kinds = [
        ResourceType(name=form, formats=(form,), required=True, keys=())
        for form in IOT_POLICY[pattern]
    ]
    return [Action(name=pattern, on=tuple(kinds), keys=())]


def _fits(document: Document, one: Action, statement: Mapping[str, Any]) -> bool:
    """Whether the statement's resources allow the action on anything at all."""
    resources = listed(statement.get("Resource"))
    # A trust policy is about its role; in a resource's policy `*` is that resource.
    if document.kind == TRUST or "*" in resources:
        return True
    return any(meets(target, form) for target in resources for form in _forms([one]))


def _forms(actions: list[Action]) -> list[str]:
    return list(dict.fromkeys(form for one in actions for kind in one.on for form in kind.formats))


def _useless(where: str, statement: Mapping[str, Any], actions: list[Action]) -> Iterator[str]:
    forms = _forms(actions)
    for target in listed(statement.get("Resource")):
        if target != "*" and not any(meets(target, form) for form in forms):
            names = ", ".join(listed(statement["Action"]))
            yield f"{where}: {target}: no action of the statement ({names}) takes it"
        if target == "*" and actions and all(_limited(one) for one in actions):
            names = ", ".join(one.name for one in actions)
            yield f"{where}: '*', though {names} can be limited to resources"


def _limited(one: Action) -> bool:
    """Whether AWS always decides it on a resource; what is optional may come without one."""
    return any(kind.required for kind in one.on)


def _conditions(where: str, statement: Mapping[str, Any], actions: list[Action]) -> Iterator[str]:
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            for one in actions:
                if not supports(one, key):
                    yield f"{where}: {operator} {key}: {one.name} does not have this key"


def missing_types(document: Document) -> list[str]:
    """Single actions that need several kinds of resources and are allowed on some of them only."""
    found = []
    granted: dict[str, list[str]] = {}
    for _, statement in document.allows():
        for pattern in listed(statement.get("Action")):
            for one in _meant(document, pattern):
                granted.setdefault(one.name, []).extend(listed(statement.get("Resource")))
    for name, targets in granted.items():
        [one] = _meant(document, name)
        for kind in one.on:
            if kind.required and not any(
                meets(target, form) for target in targets for form in kind.formats
            ):
                found.append(f"{document.where}: {name} is not allowed on its {kind.name}")
    return found
