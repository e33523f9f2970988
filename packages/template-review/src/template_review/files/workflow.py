# SPDX-License-Identifier: Apache-2.0
"""A GitHub workflow before and after: approvals, rights, order and checks that change."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from template_review.comparison.leaves import Leaf, differing, said
from template_review.model import Level

Said = tuple[Level, str]
_PINNED = re.compile(r"@[0-9a-f]{40}$")
_FROM_OUTSIDE = {"pull_request_target", "workflow_run", "issue_comment", "repository_dispatch"}
_KNOWN = ("./", "actions/", "aws-actions/")
_IGNORES = re.compile(r"\|\|\s*(true|:)(\s|$)|set \+e")
_NAMED = ("name", "id", "uses", "run")


def workflow_changes(before: str, after: str) -> Iterator[Said]:
    """What a changed workflow lets through, job by job."""
    try:
        old, new = (YAML(typ="safe").load(text) or {} for text in (before, after))
    except YAMLError as error:
        yield Level.LOOK, f"not readable: {error}"
        return
    if before and not after:
        yield Level.DANGEROUS, "the workflow is gone: nothing does what it did"
        return
    yield from _triggers(old.get("on"), new.get("on"))
    yield from _rights(old.get("permissions"), new.get("permissions"), "the workflow")
    one, two = old.get("jobs") or {}, new.get("jobs") or {}
    for name in one:
        if name not in two:
            yield Level.DANGEROUS, f"job {name} is gone: nothing does what it did"
        else:
            yield from _job(f"job {name}", one[name], two[name])
    for name in two:
        if name not in one:
            yield from _rights({}, two[name].get("permissions"), f"job {name}")
            yield Level.LOOK, f"job {name} is new"
            yield from _actions(f"job {name}", {}, two[name])
    rest = {"on", "permissions", "jobs", "name"}
    for leaf in differing(_but(old, rest), _but(new, rest)):
        yield Level.LOOK, leaf.text


def _triggers(old: Any, new: Any) -> Iterator[Said]:
    before, after = _events(old), _events(new)
    for event in sorted(after - before):
        level = Level.DANGEROUS if event in _FROM_OUTSIDE else Level.LOOK
        why = ", with rights that the pull request's author lacks" if level > Level.LOOK else ""
        yield level, f"also runs on {event}{why}"
    for event in sorted(before - after):
        yield Level.DANGEROUS, f"no longer runs on {event}"
    if before == after and old != new:
        yield Level.LOOK, "; ".join(leaf.text for leaf in differing({"on": old}, {"on": new}))


def _events(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else {str(each) for each in value or ()}


def _rights(old: Any, new: Any, who: str) -> Iterator[Said]:
    before, after = (_scopes(value) for value in (old, new))
    for scope, access in after.items():
        if access != before.get(scope):
            level = Level.DANGEROUS if access == "write" else Level.LOOK
            yield level, f"{who} may {access} {scope} (was {before.get(scope, 'nothing')})"
    for scope in before.keys() - after.keys():
        yield Level.LOOK, f"{who} may no longer {before[scope]} {scope}"
    if old is not None and new is None:
        yield Level.DANGEROUS, f"{who} gets whatever rights the repository gives: no permissions"


def _scopes(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return {"everything": value.removesuffix("-all")}
    return {str(key): str(each) for key, each in (value or {}).items()}


def _job(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Said]:
    if old.get("environment") != new.get("environment"):
        text = f"{name}: environment: {said(old.get('environment'))} -> "
        text += f"{said(new.get('environment'))}: the approvals of the first no longer hold it"
        yield Level.DANGEROUS, text
    needs, now = (_listed(each.get("needs")) for each in (old, new))
    for gone in sorted(needs - now):
        yield Level.DANGEROUS, f"{name} no longer waits for {gone}"
    for came in sorted(now - needs):
        yield Level.LOOK, f"{name} also waits for {came}"
    if old.get("if") != new.get("if"):
        text = f"{name}: if: {said(old.get('if'))} -> {said(new.get('if'))}"
        yield Level.DANGEROUS, f"{text}: it runs, or is skipped and counts as passed, otherwise"
    if old.get("permissions") != new.get("permissions"):
        yield from _rights(old.get("permissions"), new.get("permissions"), name)
    rest = {"environment", "needs", "if", "permissions", "steps", "name"}
    for leaf in differing(_but(old, rest), _but(new, rest)):
        yield _leaf(name, leaf)
    yield from _actions(name, old, new)
    yield from _steps(name, old.get("steps") or [], new.get("steps") or [])


def _steps(name: str, old: list[Any], new: list[Any]) -> Iterator[Said]:
    before, after = _by_name(old), _by_name(new)
    for step in before:
        if step not in after:
            yield (
                Level.DANGEROUS,
                f"{name}: step {step!r} is gone: what it checked or did is not done",
            )
        else:
            for leaf in differing(before[step], after[step]):
                if leaf.path != "uses":
                    yield _leaf(f"{name}: step {step!r}", leaf)
    for step in after:
        if step not in before:
            yield Level.LOOK, f"{name}: step {step!r} is new: {said(after[step])}"
    common = [step for step in before if step in after]
    if common != [step for step in after if step in before]:
        yield Level.LOOK, f"{name}: its steps run in another order"


def _leaf(where: str, leaf: Leaf) -> Said:
    text = f"{where}: {leaf.text}"
    if leaf.name == "continue-on-error" and leaf.after not in (None, False):
        return Level.DANGEROUS, f"{text}: it passes although it fails"
    if leaf.name == "if":
        return Level.DANGEROUS, f"{text}: it may be skipped"
    ignores, ignored = (_IGNORES.search(str(each)) for each in (leaf.after, leaf.before))
    if leaf.name == "run" and ignores and not ignored:
        return Level.DANGEROUS, f"{text}: it passes although it fails"
    if leaf.name == "run" and leaf.before and _weaker(str(leaf.before), str(leaf.after)):
        return (
            Level.DANGEROUS,
            f"{where}: run: no longer says: {_weaker(str(leaf.before), str(leaf.after))}",
        )
    return Level.LOOK, text


def _weaker(before: str, after: str) -> str:
    """Lines that stop a job, and are gone."""
    stops = [
        line.strip() for line in before.splitlines() if re.search(r"\bexit\b|check|test", line)
    ]
    return "; ".join(line for line in stops if line not in after)


def _actions(name: str, old: Any, new: Any) -> Iterator[Said]:
    before, after = (
        {str(step["uses"]).partition("@")[0]: str(step["uses"]) for step in _uses(job)}
        for job in (old, new)
    )
    for action, used in after.items():
        if used == before.get(action):
            continue
        if not action.startswith("./") and not _PINNED.search(used):
            text = f"{name}: {used} is not pinned: anyone who moves the tag runs code here"
            yield Level.DANGEROUS, text
        elif action not in before and not action.startswith(_KNOWN):
            yield Level.DANGEROUS, f"{name}: runs code of somebody else: {used}"
        else:
            yield Level.LOOK, f"{name}: {before.get(action, 'not used')} -> {used}"


def _uses(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [step for step in (job, *(job.get("steps") or ())) if "uses" in step]


def _by_name(steps: list[Any]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for step in steps:
        key = next(str(step[key]) for key in _NAMED if key in step)
        key = key.partition("@")[0] if "uses" in step and key == step["uses"] else key
        found[key if key not in found else f"{key} ({len(found)})"] = step
    return found


def _listed(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(value or ())


def _but(value: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key not in names}
