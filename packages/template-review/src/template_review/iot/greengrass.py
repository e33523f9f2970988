# SPDX-License-Identifier: Apache-2.0
"""What reaches the devices: components, deployments, and how a device joins."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import differing
from template_review.comparison.properties import Kept, at, flat, resources
from template_review.comparison.text import Texts, compact, shown
from template_review.iot.greengrass_safety import safety_changes
from template_review.model import Assembly, Item, Level, Pair, Section
from template_review.resources.stateful import RETAINED

COMPONENT, DEPLOYMENT = "AWS::GreengrassV2::ComponentVersion", "AWS::GreengrassV2::Deployment"
TEMPLATE = "AWS::IoT::ProvisioningTemplate"
_LAMBDA_VERSION = re.compile(r"«[^»]*»\.Version")


def greengrass_items(pair: Pair) -> list[Item]:
    """New component versions, new deployments per thing group, provisioning changes."""
    items: list[Item] = []
    for kept in resources(pair, COMPONENT):
        items += _component(kept)
    names = {**_group_names(pair.base), **_group_names(pair.head)}
    for kept in resources(pair, DEPLOYMENT):
        items += _deployment(kept, names)
    for kept in resources(pair, "AWS::Lambda::Function"):
        items += _targets(kept, names)
    for kept in resources(pair, TEMPLATE):
        items += _provisioning(kept)
    if pair.head is not None:
        items += _owners(pair.head, names)
    return items


def component_name(properties: Mapping[str, Any] | None) -> tuple[str, str]:
    """(name, version) of a component version resource."""
    if properties is None:
        return "", ""
    imported = at(properties, "LambdaFunction")
    if isinstance(imported, Mapping):
        return str(imported.get("ComponentName")), str(imported.get("ComponentVersion", "?"))
    recipe = Texts.parse(properties.get("InlineRecipe"))
    if isinstance(recipe, Mapping):
        return str(recipe.get("ComponentName")), str(recipe.get("ComponentVersion", "?"))
    return "", "?"


def _component(kept: Kept) -> Iterator[Item]:
    old_name, old = component_name(kept.old)
    new_name, new = component_name(kept.new)
    if kept.old is None:
        yield _item(Level.LOOK, kept, f"component {new_name} {new}: new version in the account")
        return
    if kept.new is None:
        policy = kept.old_resource.get("DeletionPolicy", "Delete")
        fate = "kept for rollbacks" if policy in RETAINED else "deleted: devices cannot roll back"
        yield _item(Level.LOOK, kept, f"component {old_name} {old} leaves the stack ({fate})")
        return
    differing = _differing(kept.old, kept.new)
    if not differing:
        return
    if (old_name, old) == (new_name, new):
        text = (
            f"component {new_name} {new} changes its content but not its version: versions are "
            "immutable, the deployment fails"
        )
        yield _item(Level.DANGEROUS, kept, text, details=tuple(differing))
        return
    for leaf in kept.leaves:
        if leaf.name.lower() == "requiresprivilege" and str(leaf.after).lower() == "true":
            text = f"component {new_name}: {leaf.text}: it runs as root on every device"
            yield _item(Level.DANGEROUS, kept, text)
    level, text = Level.LOOK, f"component {new_name}: {old} -> {new}"
    if old_name != new_name:
        level = Level.DANGEROUS
        text = f"component renamed from {old_name} to {new_name}: devices remove the old one"
    if kept.old_resource.get("UpdateReplacePolicy", "Delete") == "Delete":
        text += "; the old version is deleted, so devices cannot roll back to it"
    yield _item(level, kept, text, details=tuple(differing))


def _deployment(kept: Kept, names: Mapping[str, str]) -> Iterator[Item]:
    old_group, new_group = (group(side, names) for side in (kept.old, kept.new))
    if kept.old is None:
        parts = ", ".join(f"{name} {version}" for name, version in _parts(kept.new).items())
        text = f"thing group {new_group} gets a new deployment: {parts}"
        yield _item(Level.LOOK, kept, text)
        return
    if kept.new is None:
        text = f"the deployment of thing group {old_group} is removed: devices keep what they run"
        yield _item(Level.DANGEROUS, kept, text)
        return
    if old_group != new_group:
        text = (
            f"the deployment moves from thing group {old_group} to {new_group}: the devices of "
            f"{new_group} get its components, those of {old_group} get no more updates"
        )
        yield _item(Level.DANGEROUS, kept, text)
    if _without_tags(kept.old) == _without_tags(kept.new):
        return
    before, after = _parts(kept.old), _parts(kept.new)
    for name in sorted(before.keys() - after.keys()):
        text = f"component {name} is no longer deployed: the devices of {new_group} remove it"
        yield _item(Level.DANGEROUS, kept, text)
    details = [
        f"{name}: {before.get(name, 'new')} -> {version}"
        for name, version in after.items()
        if before.get(name) != version
    ]
    details += _differing(_without_versions(kept.old), _without_versions(kept.new))
    text = f"every device of thing group {new_group} gets a new deployment"
    yield _item(Level.LOOK, kept, text, details=tuple(map(_shown, details)))
    for level, text in safety_changes(kept):
        yield _item(level, kept, text)
    yield from _access(kept)


def _targets(kept: Kept, names: Mapping[str, str]) -> Iterator[Item]:
    """A rollout's variables name the thing group that gets a model first."""
    path = "Environment.Variables"
    old, new = at(kept.old, path) or {}, at(kept.new, path) or {}
    for name in sorted(old.keys() & new.keys()):
        was, now = str(old[name]), str(new[name])
        if was != now and (was in names or now in names):
            text = f"{name}: thing group {names.get(now, now)} instead of {names.get(was, was)}"
            yield _item(Level.DANGEROUS, kept, text, paths=(f"{path}.{name}",))


def _access(kept: Kept) -> Iterator[Item]:
    """Which topics components may use on the device."""
    before, after = (set(_topics(side)) for side in (kept.old, kept.new))
    for part, topic in sorted(after - before):
        open_to_all = topic in {"*", "#"}
        level = Level.DANGEROUS if open_to_all else Level.LOOK
        yield _item(level, kept, f"component {part} may use topic {topic} on the device")


def _topics(properties: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for part, each in ((properties or {}).get("Components") or {}).items():
        merge = Texts.parse(at(each, "ConfigurationUpdate.Merge"))
        control = merge.get("accessControl") if isinstance(merge, Mapping) else None
        for path, value in flat(control or {}):
            if ".resources" in path and isinstance(value, str):
                yield part, value


def _owners(head: Assembly, names: Mapping[str, str]) -> Iterator[Item]:
    """A thing group has one live deployment; a second one silently replaces the first."""
    texts = Texts(head)
    owners: dict[str, list[str]] = {}
    for stack in head.stacks.values():
        for name, resource in stack.resources.items():
            if resource.get("Type") == DEPLOYMENT:
                properties = texts.value(resource.get("Properties") or {}, stack)
                owners.setdefault(group(properties, names), []).append(f"{stack.id}/«{name}»")
    for owned, found in sorted(owners.items()):
        if len(found) > 1:
            text = f"thing group {owned} has two owners: {shown(', '.join(sorted(found)))}"
            yield Item(Section.GREENGRASS, Level.DANGEROUS, owned, text)


def _provisioning(kept: Kept) -> Iterator[Item]:
    if kept.old is None or kept.new is None:
        return
    if at(kept.old, "PreProvisioningHook") and not at(kept.new, "PreProvisioningHook"):
        yield _item(
            Level.DANGEROUS,
            kept,
            "any device with a claim certificate may join: no hook",
            paths=("PreProvisioningHook",),
        )
    if at(kept.old, "Enabled") is True and at(kept.new, "Enabled") is not True:
        yield _item(Level.LOOK, kept, "new devices can no longer join", paths=("Enabled",))
    old, new = (Texts.parse(side.get("TemplateBody")) for side in (kept.old, kept.new))
    if old != new:
        details = tuple(_differing(old, new))
        yield _item(
            Level.LOOK,
            kept,
            "what a device gets when it joins changes",
            details=details,
            paths=("TemplateBody",),
        )


def group(properties: Mapping[str, Any] | None, names: Mapping[str, str]) -> str:
    """The name of the thing group that a deployment is for."""
    text = compact((properties or {}).get("TargetArn", "?"))
    return shown(names.get(text, text.rsplit("thinggroup/", 1)[-1]))


def _group_names(assembly: Assembly | None) -> dict[str, str]:
    if assembly is None:
        return {}
    texts = Texts(assembly)
    return {
        f"«{name}»": texts.text(resource["Properties"]["ThingGroupName"], stack)
        for stack in assembly.stacks.values()
        for name, resource in stack.resources.items()
        if resource.get("Type") == "AWS::IoT::ThingGroup"
        and "ThingGroupName" in (resource.get("Properties") or {})
    }


def _parts(properties: Mapping[str, Any] | None) -> dict[str, str]:
    components = (properties or {}).get("Components") or {}
    return {name: str(each.get("ComponentVersion", "?")) for name, each in components.items()}


def _without_tags(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != "Tags"}


def _without_versions(properties: Mapping[str, Any]) -> dict[str, Any]:
    document = _without_tags(properties)
    parts = document.pop("Components", None) or {}
    document["Components"] = {
        name: {key: value for key, value in each.items() if key != "ComponentVersion"}
        for name, each in parts.items()
    }
    return document


def _differing(old: Any, new: Any) -> list[str]:
    return [leaf.text for leaf in differing(old, new)]


def _item(
    level: Level,
    kept: Kept,
    text: str,
    *,
    details: tuple[str, ...] = (),
    paths: tuple[str, ...] = ("",),
) -> Item:
    claims = tuple(kept.claim(path) for path in paths)
    return Item(Section.GREENGRASS, level, kept.subject, _shown(text), "~", details, claims)


def _shown(text: str) -> str:
    """The number of a Lambda version is known at deployment only."""
    return shown(_LAMBDA_VERSION.sub("n", text))
