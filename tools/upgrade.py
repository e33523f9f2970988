# SPDX-License-Identifier: Apache-2.0
"""Checks that an upgrade from the last release keeps every resource that holds data.

    python -m tools.upgrade                # from the newest release to the working tree
    python -m tools.upgrade --from 1.2.0

A stateful resource (template_review.resources.stateful) that is replaced or removed is a loss. Exit
status 1 unless `docs/breaking/` declares every one, and nothing else. `docs/releases.toml` records
the releases.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.command_line import run_command
from template_review.comparison import differ
from template_review.config import load
from template_review.errors import ReviewError
from template_review.model import Pair, Stack
from template_review.resources.items import replacements
from template_review.resources.stateful import holds
from template_review.review import assemblies
from template_review.synthesis import tree
from template_review.synthesis.tree import untrusted
from tools.breaking import BreakingError, Declaration, declarations
from tools.releases import FILE, Release, ReleaseError, releases

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True, order=True)
class Loss:
    """A stateful resource that an upgrade takes away; ``effect``: ``replaced`` or ``removed``."""

    environment: str
    stack: str
    resource: str
    effect: str
    text: str

    def __str__(self) -> str:
        """One line for the person who upgrades."""
        return f"{self.environment}: {self.stack}/{self.resource} {self.effect}: {self.text}"


def losses(pair: Pair) -> list[Loss]:
    """What one environment would lose. New environments and new resources lose nothing."""
    if pair.base is None or pair.head is None:
        return []
    found: list[Loss] = []
    for key, before in pair.base.stacks.items():
        after = pair.head.stacks.get(key)
        gone = _gone(before, after)
        if after is None or gone:
            found += [_removed(pair, before, name, gone) for name in _stateful(before)]
        else:
            found += _lost(pair, before, after)
    return sorted(found)


def _gone(before: Stack, after: Stack | None) -> str:
    """Why none of a stack's resources are kept; empty if it is the same stack."""
    if after is None:
        return f"its stack {before.name} is no longer there"
    old, new = (f"{each.name} in {each.account}/{each.region}" for each in (before, after))
    return f"its stack {old} is now another one, {new}" if old != new else ""


def _stateful(stack: Stack) -> list[str]:
    return [name for name, each in stack.resources.items() if holds(str(each.get("Type")))]


def _removed(pair: Pair, stack: Stack, name: str, why: str) -> Loss:
    kind = str(stack.resources[name].get("Type"))
    kept = stack.resources[name].get("DeletionPolicy", "Delete") != "Delete"
    fate = "stays behind outside any stack" if kept else "is deleted"
    return Loss(
        environment=pair.environment,
        stack=stack.id,
        resource=name,
        effect="removed",
        text=f"{kind}, with {holds(kind) or 'what it holds'}, {fate}{why and f': {why}'}",
    )


def _lost(pair: Pair, before: Stack, after: Stack) -> Iterator[Loss]:
    for change in pair.changes.get(before.id, ()):
        kind = str(change.old_type)
        if change.id not in before.resources or not (holds(kind) or change.stateful):
            continue
        if change.id not in after.resources:
            yield _removed(pair, before, change.id, "")
        elif forced := replacements(before, after, change):
            yield Loss(
                environment=pair.environment,
                stack=before.id,
                resource=change.id,
                effect="replaced",
                text=f"{kind}, with {holds(kind) or 'what it holds'}: forced by "
                f"{', '.join(forced)}",
            )


def faults(found: Sequence[Loss], declared: Sequence[Declaration], *, release: str) -> list[str]:
    """Undeclared losses, and declarations after this release without a matching loss.

    A declaration counts for one upgrade, from the release it names, and excuses no later loss.
    """
    current = [each for each in declared if each.after == release]
    lines = [
        f"{loss}\n  undo it, or declare it in docs/breaking/ (see its README)"
        for loss in found
        if not any(_covers(each, loss) for each in current)
    ]
    lines += [
        f"{each.file}: {each.environment}: {each.stack}/{each.resource} is not {each.effect} "
        f"after {release}; remove the declaration, or correct it"
        for each in current
        if not any(_covers(each, loss) for loss in found)
    ]
    return lines


def _covers(declaration: Declaration, loss: Loss) -> bool:
    return declaration.covers(
        environment=loss.environment,
        stack=loss.stack,
        resource=loss.resource,
        effect=loss.effect,
    )


def check(root: Path, release: str, commit: str) -> tuple[list[Loss], list[str]]:
    """The losses of an upgrade from a release to the working tree, and what is wrong with them.

    Raises ReviewError if the release's commit is not in this clone or cannot be synthesised.
    """
    config = load(root)
    before, after = assemblies(root, tree.resolve(commit, root), config)
    names = sorted({*before, *after})
    pairs = differ.compare(
        [(name, before.get(name), after.get(name)) for name in names],
        follow_moves=False,
        project=config.project,
    )
    found = [loss for pair in pairs for loss in losses(pair)]
    return found, faults(found, declarations(root / "docs" / "breaking"), release=release)


def chosen(root: Path, version: str | None) -> Release | None:
    """The release to upgrade from: the named one, else the newest; None before the first one.

    Raises ReleaseError for a version that is not recorded, and where this clone lacks the commit.
    """
    known = releases(root)
    found = next((each for each in known if each.version == version), None) if version else None
    if version and found is None:
        there = ", ".join(each.version for each in known) or "none yet"
        raise ReleaseError(f"{FILE}: no release {version!r}; recorded: {there}")
    found = found or next(reversed(known), None)
    if found and not has(root, found.commit):
        raise ReleaseError(
            f"release {found.version} is commit {found.commit}, which this clone lacks; fetch it: "
            f"git fetch --unshallow, or git fetch origin {found.commit}"
        )
    return found


def has(root: Path, commit: str) -> bool:
    """Whether a clone has a commit. Raises ReviewError where git refuses to read the checkout."""
    done = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if hint := untrusted(done.stderr):
        raise ReviewError(f"{root}: {hint}")
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what an upgrade would lose; 1 if a loss is not declared."""
    parser = argparse.ArgumentParser(prog="python -m tools.upgrade", description=__doc__)
    parser.add_argument("--from", dest="version", help="a recorded release; default: the newest")
    version = parser.parse_args(arguments).version
    try:
        release = chosen(ROOT, version)
        if release is None:
            print(f"upgrade: no release yet ({FILE}): logical ids may still change")
            return 0
        found, wrong = check(ROOT, release.version, release.commit)
    except (BreakingError, ReleaseError, ReviewError) as error:
        print(f"upgrade: {error}", file=sys.stderr)
        return 1
    for line in wrong:
        print(f"upgrade: {line}", file=sys.stderr)
    said = f"{len(found)} declared" if found else "none"
    print(f"upgrade from {release.version}: losses: {'see above' if wrong else said}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
