# SPDX-License-Identifier: Apache-2.0
"""Files that no template shows: who deploys, what is checked, the code that decides.

The project says which files those are and what a change means (``Project.files``); a file that only
changes its comments or its layout changes nothing.
"""

import ast
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from os.path import commonpath
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from template_review.git import git_text, run_git
from template_review.model import FileKind, Item, Level, Project, Section
from template_review.resources.outsiders import Ours, strangers

_LONGEST = 400_000
_LONG_LINE = 160


@dataclass(frozen=True)
class Changed:
    """A file before and after; None where it is not there."""

    path: str
    before: str | None
    after: str | None

    @property
    def verb(self) -> str:
        """What happened to it."""
        if self.before is None:
            return "is new"
        return "is gone" if self.after is None else "changes"


def changed_files(root: Path, commit: str) -> list[Changed]:
    """Every file that differs between a commit and the working tree, committed or not."""
    names = {
        *git_text(root, "diff", "--no-renames", "--name-only", "-z", commit).split("\0"),
        *git_text(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"),
    }
    return [
        Changed(name, _old(root, commit, name), _new(root / name)) for name in sorted(names - {""})
    ]


def file_items(files: list[Changed], project: Project, ours: Ours) -> list[Item]:
    """What the changed files mean, file by file; those without effect in one line."""
    items: list[Item] = []
    rest: list[str] = []
    for file in files:
        kind = next((each for each in project.files if fnmatch(file.path, each.pattern)), None)
        if kind is None or _same(file):
            rest.append(file.path)
            continue
        found = list(_of(file, kind, ours))
        items += found
        if not found:
            rest.append(file.path)
    if rest:
        count = f"{len(rest)} file{'' if len(rest) == 1 else 's'}"
        text = f"{count} whose effect is said above, or which nothing deploys or checks"
        items.append(Item(Section.OUTSIDE, Level.SAFE, "other files", text, "~", tuple(rest)))
    return _together(items)


def _together(items: list[Item]) -> list[Item]:
    """Files of which the same is said, in one line."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for number, item in enumerate(items):
        groups.setdefault((item.level, item.cause or number), []).append(item)
    found = []
    for members in groups.values():
        first, names = members[0], tuple(f"{item.sign} {item.subject}" for item in members)
        if len(members) > 1:
            text = f"{len(names)} files: {first.cause}"
            first = replace(first, subject=_folder(members), text=text, sign="~", details=names)
        found.append(first)
    return found


def _folder(members: list[Item]) -> str:
    common = commonpath([item.subject for item in members])
    return f"{common}/" if common else "files"


def _of(file: Changed, kind: FileKind, ours: Ours) -> Iterator[Item]:
    sign = {"is new": "+", "is gone": "-"}.get(file.verb, "~")
    found = list(kind.compare(file.before or "", file.after or "")) if kind.compare else []
    for level, text in found:
        yield Item(Section.OUTSIDE, level, file.path, f"{text} ({kind.meaning})", sign)
    for who in _new_strangers(file, ours):
        yield Item(Section.OUTSIDE, Level.DANGEROUS, file.path, f"now names {who}", sign)
    if kind.level is not Level.SAFE and not found:
        text = f"{file.verb}: {kind.meaning}"
        details = tuple(_lines(file)) if file.before and file.after else ()
        yield Item(Section.OUTSIDE, kind.level, file.path, text, sign, details, cause=kind.meaning)


def _new_strangers(file: Changed, ours: Ours) -> list[str]:
    if file.path.endswith((".txt", ".in", ".lock", "-lock.json", ".md")):
        return []
    after = strangers(_code(file.path, file.after), ours)
    before = strangers(_code(file.path, file.before), ours)
    return sorted(who for text, who in after.items() if text not in before)


def _code(path: str, text: str | None) -> str:
    """Without comments: nothing goes to what they mention."""
    lines = (text or "").splitlines()
    mark = "//" if path.endswith((".cjs", ".js", ".ts")) else "#"
    return "\n".join(line for line in lines if not line.lstrip().startswith(mark))


def _lines(file: Changed) -> Iterator[str]:
    """The lines that differ, as a reader of a diff sees them, without order."""
    before, after = ((text or "").splitlines() for text in (file.before, file.after))
    old, new = {line.strip() for line in before}, {line.strip() for line in after}
    gone = [f"- {line.strip()}" for line in before if line.strip() not in new]
    came = [f"+ {line.strip()}" for line in after if line.strip() not in old]
    yield from (line[:_LONG_LINE] for line in (*gone, *came))


def _same(file: Changed) -> bool:
    """Whether only comments, documentation or layout differ."""
    if file.before is None or file.after is None:
        return False
    try:
        return bool(_meaning(file.path, file.before) == _meaning(file.path, file.after))
    except (SyntaxError, ValueError, YAMLError):
        return False


def _meaning(path: str, text: str) -> Any:
    if path.endswith(".py"):
        return ast.dump(_without_words(ast.parse(text)))
    if path.endswith(".json"):
        return json.loads(text)
    if path.endswith(".toml"):
        return tomllib.loads(text.removeprefix("\ufeff"))
    if path.endswith((".yml", ".yaml")):
        return YAML(typ="safe").load(text)
    if path.endswith((".sh", ".txt", ".in")):
        kept = (line.split(" #", 1)[0].strip() for line in text.splitlines())
        return [line for line in kept if line and not line.startswith("#")]
    return text


def _without_words(tree: ast.Module) -> ast.Module:
    """The program without its documentation strings."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                each
                for each in body
                if not (
                    isinstance(each, ast.Expr)
                    and isinstance(each.value, ast.Constant)
                    and isinstance(each.value.value, str)
                )
            ]
    return tree


def _old(root: Path, commit: str, name: str) -> str | None:
    shown = run_git(root, "show", f"{commit}:{name}", check=False)
    return None if shown.returncode else _text(shown.stdout)


def _new(path: Path) -> str | None:
    if path.is_symlink():
        return str(path.readlink())
    return _text(path.read_bytes()) if path.is_file() else None


def _text(content: bytes) -> str:
    return content[:_LONGEST].decode("utf-8", "replace")
