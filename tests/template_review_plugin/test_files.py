# SPDX-License-Identifier: Apache-2.0
"""Files that no template shows."""

from pathlib import Path

import pytest

from template_review.files.changes import Changed, file_items
from template_review.files.workflow import workflow_changes
from template_review.iam.policy_file import policy_changes
from template_review.model import Item, Level
from template_review.resources.outsiders import Ours
from template_review.verdict import verdict
from tools.template_review_plugin import PROJECT

ROOT = Path(__file__).resolve().parents[2]
OURS = Ours(frozenset({"111111111111"}), frozenset())
WORKFLOW = (ROOT / ".github" / "workflows" / "deploy-environment.yml").read_text("utf-8")
POLICY = (ROOT / "infra" / "delivery" / "cloudformation_execution_policy.json").read_text("utf-8")


def judged(path: str, before: str | None, after: str | None) -> list[Item]:
    return file_items([Changed(path, before, after)], PROJECT, OURS)


@pytest.mark.parametrize(
    ("path", "before", "after", "level"),
    [
        ("docs/x.md", "a", "b", Level.SAFE),
        ("tests/test_x.py", "a = 1", "a = 2", Level.SAFE),
        ("tests/test_x.py", "a = 1", None, Level.LOOK),
        ("infra/x.py", "a = 1", "a = 2", Level.SAFE),
        ("app.py", "attach_rule_packs(a)", "b = 1", Level.DANGEROUS),
        ("infra/common/compliance.py", "import a, b", "import a", Level.DANGEROUS),
        ("lambda/rollout/logic.py", "a = 1", "a = 2", Level.LOOK),
        ("lambda/rollout/logic.py", "a = 1", '"""Words."""\n# more\na = 1', Level.SAFE),
        ("lambda/rollout/logic.py", "a = 1", 'a = "https://x.example.net"', Level.DANGEROUS),
        ("infra/checks/rules/x.py", "a = 1", "a = 2", Level.LOOK),
        ("infra/checks/rules/x.py", "a = 1", None, Level.DANGEROUS),
        ("packages/template-review/src/template_review/x.py", "a = 1", "a = 2", Level.LOOK),
        ("requirements/runtime.txt", "boto3==1.0\n", "boto3==1.1\n", Level.LOOK),
        ("infra/delivery/cloudformation_execution_policy.json", POLICY, POLICY + "\n", Level.SAFE),
        ("infra/delivery/cloudformation_execution_policy.json", POLICY, None, Level.DANGEROUS),
        ("Makefile", "a:\n", "b:\n", Level.LOOK),
    ],
)
def test_what_a_file_means(path: str, before: str | None, after: str | None, level: Level):
    items = judged(path, before, after)
    assert verdict(items) is level, items
    assert items


def test_a_lock_names_its_versions():
    [item] = judged("requirements/runtime.txt", "a==1\nb==1\n", "a==2\nc==1\n")
    assert "a: 1 -> 2; b: 1 -> gone; c: new -> 1" in item.text


def test_files_of_which_the_same_is_said_are_one_line():
    files = [
        Changed(f"packages/template-review/src/template_review/{name}.py", "a = 1", "a = 2")
        for name in "abc"
    ]
    [item] = file_items(files, PROJECT, OURS)
    assert item.text.startswith("3 files: the review itself")
    assert item.details == tuple(
        f"~ packages/template-review/src/template_review/{name}.py" for name in "abc"
    )


@pytest.mark.parametrize(
    ("old", "new", "level", "said"),
    [
        ('"Resource": "arn:aws:s3:::binsight-*"', '"Resource": "*"', Level.DANGEROUS, "wider"),
        ('"s3:*Bucket*", ', "", Level.LOOK, "lost"),
        ('"Effect": "Deny"', '"Effect": "Allow"', Level.DANGEROUS, "a denial"),
        (
            '"Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/binsight-*"}}',
            '"Sid2": "x"',
            Level.DANGEROUS,
            "condition dropped: iam:PolicyARN",
        ),
    ],
)
def test_a_policy_file_is_compared_as_rights(old: str, new: str, level: Level, said: str):
    assert old in POLICY
    found = list(policy_changes(POLICY, POLICY.replace(old, new, 1)))
    assert max(each for each, _ in found) is level, found
    assert any(said in text for each, text in found if each is level), found


def test_a_policy_that_cannot_be_read_is_said():
    [(level, text)] = policy_changes(POLICY, "{")
    assert level is Level.LOOK
    assert "not a readable policy" in text


@pytest.mark.parametrize(
    ("old", "new", "level", "said"),
    [
        (
            "    environment: ${{ inputs.environment }}\n",
            "    environment: dev\n",
            Level.DANGEROUS,
            "the approvals of the first no longer hold it",
        ),
        ("    needs: diff\n", "", Level.DANGEROUS, "no longer waits for diff"),
        ("      deployments: read", "      deployments: write", Level.DANGEROUS, "may write"),
        ("if: inputs.approval", "if: false", Level.DANGEROUS, "may be skipped"),
        ("python3 -m tools.promotion newer", "echo", Level.LOOK, "run"),
        (
            '.venv/bin/python -m tools.assembly check assembly "$DIGEST"\n',
            "true\n",
            Level.DANGEROUS,
            "no longer says",
        ),
        ("run: make install", "run: make install || true", Level.DANGEROUS, "is gone"),
        ("timeout-minutes: 60", "timeout-minutes: 90", Level.LOOK, "timeout-minutes: 60 -> 90"),
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7",
         Level.DANGEROUS, "is not pinned"),
        ("actions/checkout@", "somebody/checkout@", Level.DANGEROUS, "somebody else"),
        ("  workflow_call:", "  pull_request_target:\n  workflow_call:", Level.DANGEROUS, "also"),
    ],
)  # fmt: skip
def test_a_workflow_is_compared_job_by_job(old: str, new: str, level: Level, said: str):
    assert old in WORKFLOW
    found = list(workflow_changes(WORKFLOW, WORKFLOW.replace(old, new)))
    assert max(each for each, _ in found) is level, found
    assert any(said in text for each, text in found if each is level), found
