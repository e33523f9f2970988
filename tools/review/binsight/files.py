# SPDX-License-Identifier: Apache-2.0
"""What the files mean that no template of Binsight shows. The first pattern that fits counts."""

import ast
import re
from collections.abc import Iterator

from tools.review.binsight.workflow import workflow_changes
from tools.review.model import Level
from tools.review.policy_file import policy_changes
from tools.review.project import FileKind

Said = tuple[Level, str]
_PIN = re.compile(r"^([A-Za-z0-9._\[\]-]+)==([^\s;\\]+)", re.MULTILINE)
_REVIEW = "the review itself: this one was made by the changed program; read the change"


def pins(before: str, after: str) -> Iterator[Said]:
    """The packages of a lock that come, go or change their version."""
    old, new = dict(_PIN.findall(before)), dict(_PIN.findall(after))
    changed = [
        f"{name}: {old.get(name, 'new')} -> {new.get(name, 'gone')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    yield Level.LOOK, "; ".join(changed) or "the digests of packages change, not their versions"


def gone(before: str, after: str) -> Iterator[Said]:
    """A check that is taken away, whole or in part."""
    if before and not after:
        yield Level.DANGEROUS, "is gone: what it found is found by nobody"
        return
    try:
        lost = sorted(_names(before) - _names(after))
    except SyntaxError:
        return
    if lost:
        yield Level.DANGEROUS, f"no longer has {', '.join(lost)}"


def _names(text: str) -> set[str]:
    """What a program defines, imports or calls under a name of its own."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(f"{node.func.id}()")
    return found


def unasked(before: str, after: str) -> Iterator[Said]:
    """An app that no longer asks the rule packs."""
    for call in sorted(_names(before) - _names(after)) if before and after else ():
        if call == "attach_rule_packs()":
            yield Level.DANGEROUS, "no longer asks the rule packs: nothing checks the templates"


def untested(before: str, after: str) -> Iterator[Said]:
    """A test that is taken away."""
    if before and not after:
        yield Level.LOOK, "is gone: what it tested is tested by nothing, or elsewhere"


FILES = (
    FileKind("*.md", Level.SAFE, "documentation"),
    FileKind(
        ".github/workflows/*", Level.LOOK, "who deploys and what is checked", workflow_changes
    ),
    FileKind(".github/*", Level.LOOK, "settings of the repository"),
    FileKind(
        "infra/delivery/cloudformation_*_policy.json",
        Level.LOOK,
        "what CloudFormation may do in every account",
        policy_changes,
    ),
    FileKind("*_policy.json", Level.LOOK, "what people or programs may do", policy_changes),
    FileKind(
        "infra/checks/*",
        Level.LOOK,
        "our own rules: what one no longer finds, no finding says",
        gone,
    ),
    FileKind("app.py", Level.LOOK, "which stacks there are, and what checks them", unasked),
    FileKind("infra/config/settings*.py", Level.LOOK, "which settings are allowed"),
    FileKind("infra/config/*", Level.LOOK, "which settings are allowed"),
    FileKind("*compliance.py", Level.LOOK, "which rule packs are asked", gone),
    FileKind("tools/review/*", Level.LOOK, _REVIEW),
    FileKind(
        "requirements/*.txt", Level.LOOK, "what is installed to build, check and deploy", pins
    ),
    FileKind("requirements/*", Level.LOOK, "what is installed to build, check and deploy"),
    FileKind("package*.json", Level.LOOK, "the CDK's command line, which deploys"),
    FileKind("lambda/rollout/*", Level.LOOK, "decides which model cameras get, and when"),
    FileKind(
        "lambda/registry_cleanup/*", Level.LOOK, "decides which registered models are deleted"
    ),
    FileKind("lambda/component_artifacts/*", Level.LOOK, "decides which files cameras download"),
    FileKind("lambda/*", Level.LOOK, "runs in functions or on every camera"),
    FileKind("training/*", Level.LOOK, "trains and judges the models that are registered"),
    FileKind("contracts/*", Level.LOOK, "what the parts say to each other"),
    FileKind("cdk.json", Level.LOOK, "how the app is built and synthesised"),
    FileKind("tests/*", Level.SAFE, "a test", untested),
    FileKind("tools/*", Level.LOOK, "programs that install, build, check or deploy"),
    FileKind("Makefile", Level.LOOK, "what people and the pipeline call"),
    FileKind(".ci/*", Level.LOOK, "what is checked"),
    FileKind("pyproject.toml", Level.LOOK, "what is checked"),
    FileKind(".pre-commit-config.yaml", Level.LOOK, "what is checked"),
)
