# SPDX-License-Identifier: Apache-2.0
"""Ready-made ``FileKind.compare`` functions; workflow.py and iam/policy_file.py have two more."""

import ast
import re
from collections.abc import Iterator

from template_review.model import Level

Said = tuple[Level, str]
_PIN = re.compile(r"^([A-Za-z0-9._\[\]-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(before: str, after: str) -> Iterator[Said]:
    """The packages of a requirements lock that come, go or change their version."""
    old, new = dict(_PIN.findall(before)), dict(_PIN.findall(after))
    changed = [
        f"{name}: {old.get(name, 'new')} -> {new.get(name, 'gone')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    yield Level.LOOK, "; ".join(changed) or "the digests of packages change, not their versions"


def checks(before: str, after: str) -> Iterator[Said]:
    """A Python file with checks that is taken away, or that no longer names what it named."""
    if before and not after:
        yield Level.DANGEROUS, "is gone: nothing finds any more what it found"
        return
    try:
        lost = sorted(names(before) - names(after))
    except SyntaxError:
        return
    if lost:
        yield Level.DANGEROUS, f"no longer has {', '.join(lost)}"


def tests(before: str, after: str) -> Iterator[Said]:
    """A test file that is taken away."""
    if before and not after:
        yield Level.LOOK, "is gone: what it tested is tested by nothing, or elsewhere"


def names(text: str) -> set[str]:
    """What a Python file defines, imports or calls (``name()``). Raises SyntaxError."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(f"{node.func.id}()")
    return found
