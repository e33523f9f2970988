# SPDX-License-Identifier: Apache-2.0
"""The required check of a pull request: its shell is run with what GitHub would give it."""

import re
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT

LABEL = "dangerous-change-approved"
WORKFLOW = YAML(typ="safe").load(((ROOT / ".github" / "workflows") / "review.yml").read_text())
VERDICT = WORKFLOW["jobs"]["verdict"]
[STEP] = VERDICT["steps"]


def evaluated(expression, event, review):
    """The few expressions that the job uses, as GitHub evaluates them."""
    inner = re.fullmatch(r"\$\{\{ (.*) \}\}", expression).group(1)
    if inner.startswith("needs.review."):
        return review.get(inner.removeprefix("needs.review."), "")
    found = re.fullmatch(
        r"github\.event\.action == '(\w+)' && github\.event\.label\.name == '(.+)'", inner
    )
    action, label = found.groups()
    return str(event["action"] == action and event.get("label") == label).lower()


def passes(event, result="success", dangerous=""):
    """Whether the required check lets the pull request be merged."""
    review = {"result": result, "outputs.dangerous": dangerous}
    environment = {name: evaluated(text, event, review) for name, text in STEP["env"].items()}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", STEP["run"]],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode == 0


def test_the_job_runs_whatever_became_of_the_review():
    """A required check that is skipped counts as passed."""
    assert VERDICT["needs"] == "review"
    assert VERDICT["if"] == "always()"
    assert not any("if" in step or "continue-on-error" in step for step in VERDICT["steps"])


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped", ""])
@pytest.mark.parametrize("dangerous", ["", "false", "true"])
@pytest.mark.parametrize("label", [None, LABEL])
def test_without_a_review_nothing_passes(result, dangerous, label):
    event = {"action": "labeled" if label else "synchronize", "label": label}
    assert not passes(event, result, dangerous)


def test_a_review_that_says_nothing_does_not_pass():
    assert not passes({"action": "opened"}, "success", "")


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "labeled", "unlabeled"])
def test_what_is_not_dangerous_passes(action):
    assert passes({"action": action}, dangerous="false")


def test_an_approval_counts_for_the_commit_that_it_was_given_for():
    approved = {"action": "labeled", "label": LABEL}
    assert not passes({"action": "opened"}, dangerous="true")
    assert passes(approved, dangerous="true")
    # The label is still there when the next commit is pushed: it was not given for that one.
    assert not passes({"action": "synchronize"}, dangerous="true")
    assert not passes({"action": "labeled", "label": "bug"}, dangerous="true")
    assert not passes({"action": "unlabeled", "label": LABEL}, dangerous="true")
    assert not passes({"action": "reopened"}, dangerous="true")


def test_the_job_sees_every_event_that_changes_the_commit_or_the_label():
    types = set(WORKFLOW["on"]["pull_request"]["types"])
    assert types == {"opened", "synchronize", "reopened", "labeled", "unlabeled"}


def test_the_review_tells_the_job_what_it_found(tmp_path):
    """The shell of the review: its exit status becomes an output, and anything else fails."""
    [step] = [one for one in WORKFLOW["jobs"]["review"]["steps"] if one.get("id") == "review"]
    assert "--base HEAD^1" in step["run"], "the merge commit's own base, not an older one"
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    for status, said in ((0, "dangerous=false"), (3, "dangerous=true"), (2, ""), (1, "")):
        python.write_text(f"#!/bin/sh\necho text > review.md\nexit {status}\n")
        python.chmod(0o755)
        output = tmp_path / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            },
            check=False,
        )
        assert output.read_text().strip() == said
        assert (done.returncode == 0) == bool(said)
