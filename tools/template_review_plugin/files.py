# SPDX-License-Identifier: Apache-2.0
"""The meaning of files that affect no template. The first matching pattern counts."""

from collections.abc import Iterator

from template_review.files.comparisons import checks, names, pins, tests
from template_review.files.workflow import workflow_changes
from template_review.iam.policy_file import policy_changes
from template_review.model import FileKind, Level

_REVIEW = "the review itself: this one was made by the changed program; read the change"


def unasked(before: str, after: str) -> Iterator[tuple[Level, str]]:
    """Detect an app that no longer runs the rule packs."""
    for call in sorted(names(before) - names(after)) if before and after else ():
        if call == "attach_rule_packs()":
            yield Level.DANGEROUS, "no longer runs the rule packs: nothing checks the templates"


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
        "our own rules: a finding that a rule no longer reports goes unnoticed",
        checks,
    ),
    FileKind("app.py", Level.LOOK, "which stacks there are, and what checks them", unasked),
    FileKind("infra/config/*", Level.LOOK, "which settings are allowed"),
    FileKind("*compliance.py", Level.LOOK, "which rule packs run", checks),
    FileKind("packages/template-review/tests/*", Level.SAFE, "a test", tests),
    FileKind("packages/template-review/*", Level.LOOK, _REVIEW),
    FileKind("tools/template_review_plugin/*", Level.LOOK, _REVIEW),
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
    FileKind("contracts/*", Level.LOOK, "the messages between the parts"),
    FileKind("cdk.json", Level.LOOK, "how the app is built and synthesised"),
    FileKind("tests/*", Level.SAFE, "a test", tests),
    FileKind("tools/*", Level.LOOK, "programs that install, build, check or deploy"),
    FileKind("Makefile", Level.LOOK, "what people and the pipeline call"),
    FileKind(".ci/*", Level.LOOK, "what is checked"),
    FileKind("pyproject.toml", Level.LOOK, "what is checked"),
    FileKind(".pre-commit-config.yaml", Level.LOOK, "what is checked"),
)
