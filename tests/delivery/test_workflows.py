# SPDX-License-Identifier: Apache-2.0
"""The workflows: checked, and promoting one build from environment to environment."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from infra.config import settings
from tests.conftest import ROOT
from tools.assembly import promotion

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WRITES = {"id-token", "pull-requests"}

GOOD = """\
name: good
on: push
permissions:
  contents: read
jobs:
  a:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    outputs:
      said: ${{ steps.say.outputs.said }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - id: say
        env:
          TITLE: ${{ github.event.pull_request.title }}
        run: echo "said=$TITLE" >> "$GITHUB_OUTPUT"
  b:
    needs: a
    if: always()
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - run: echo "$RESULT $SAID"
        env:
          RESULT: ${{ needs.a.result }}
          SAID: ${{ needs.a.outputs.said }}
"""


def load(name):
    return YAML(typ="safe").load((FOLDER / f"{name}.yml").read_text())


def test_there_are_these_workflows():
    assert [file.stem for file in FILES] == ["ci", "deploy-environment", "deploy", "review"]


@pytest.mark.parametrize("schema", ["github-workflows", "dependabot"])
def test_they_fit_githubs_schema(schema):
    files = FILES if schema == "github-workflows" else [FOLDER.parent / "dependabot.yml"]
    command = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [command, "--builtin-schema", f"vendor.{schema}", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


# Neither zizmor nor GitHub's schema looks at what follows. actionlint would look at the first two;
# its Python package downloads the program from elsewhere while it is built.


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_expressions_name_only_what_is_defined(file):
    """GitHub takes an unknown name for an empty text, silently."""
    workflow = load(file.stem)
    inputs = set((workflow["on"].get("workflow_call") or {}).get("inputs") or {})
    for name, job in workflow["jobs"].items():
        steps = {step["id"] for step in job.get("steps") or () if "id" in step}
        needs = {one: workflow["jobs"][one] for one in listed(job.get("needs"))}
        for kind, one, output in references(job):
            known = {"steps": steps, "inputs": inputs, "needs": needs}[kind]
            assert one in known, f"{name}: {kind}.{one}"
            if kind == "needs" and output:
                assert output in needs[one].get("outputs", {}), f"{name}: needs.{one}.{output}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scripts_pass_shellcheck(file):
    program = Path(sys.executable).with_name("shellcheck")
    for job in load(file.stem)["jobs"].values():
        for step in job.get("steps") or ():
            script = "#!/usr/bin/env bash\nset -eo pipefail\n" + step.get("run", "")
            done = subprocess.run(
                [program, "-"], input=script, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_job_that_judges_another_one_runs_when_that_fails(file):
    """A required check that is skipped counts as passed."""
    for name, job in load(file.stem)["jobs"].items():
        judged = {one for kind, one, _ in references(job) if kind == "needs"}
        if judged and "uses" not in job:
            assert str(job.get("if")) == "always()", name
            assert all(f"needs.{one}.result" in str(job) for one in judged), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_jobs_end_and_name_their_image_and_no_secret_is_stored(file):
    assert "secrets." not in file.read_text()
    assert load(file.stem)["permissions"] == {"contents": "read"}
    for name, job in load(file.stem)["jobs"].items():
        if "uses" not in job:
            assert job["timeout-minutes"] > 0, name
            assert not job["runs-on"].endswith("-latest"), name


def listed(value):
    return [value] if isinstance(value, str) else list(value or ())


def references(job):
    """(kind, name, output) of each expression; ``if`` is one without braces."""
    text = str(job)
    found = re.findall(r"\$\{\{(.*?)\}\}", text, re.DOTALL)
    pattern = r"\b(steps|needs|inputs)\.([A-Za-z_][\w-]*)(?:\.outputs\.([\w-]+))?"
    return sorted({each for one in found for each in re.findall(pattern, one)})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
        ("persist-credentials: false", "fetch-depth: 0", "artipacked"),
        ("echo \"$RESULT $SAID\"", "echo '${{ github.head_ref }}'", "template-injection"),
        ("on: push\n", "on: pull_request_target\n", "dangerous-triggers"),
        ("permissions:\n  contents: read\n", "permissions: write-all\n", "excessive-permissions"),
    ],
)  # fmt: skip
def test_zizmor_finds_what_is_left_to_it(tmp_path, old, new, said):
    assert old in GOOD
    file = tmp_path / "bad.yml"
    file.write_text(GOOD.replace(old, new))
    done = audit(file)
    assert done.returncode > 0
    assert said in done.stdout


def test_zizmor_has_nothing_to_say_of_ours():
    done = audit(FOLDER.parent)
    assert done.returncode == 0, done.stdout


def audit(*what):
    """zizmor as `make lint` calls it."""
    command = [
        str(Path(sys.executable).with_name("zizmor")),
        "--offline",
        "--quiet",
        "--no-progress",
    ]
    settings = ["--config", str(FOLDER.parent / "zizmor.yml")]
    return subprocess.run([*command, *settings, *what], capture_output=True, text=True, check=False)


def test_one_action_has_one_pin():
    pins = {}
    for file in FILES:
        for action, commit in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", file.read_text()):
            pins.setdefault(action, set()).add(commit)
    assert len(pins) == 5
    assert all(len(commits) == 1 for commits in pins.values())


def test_only_these_jobs_may_write():
    writing = {
        (file.stem, name): {
            scope for scope, access in (job.get("permissions") or {}).items() if access == "write"
        }
        for file in FILES
        for name, job in load(file.stem)["jobs"].items()
    }
    assert {key: scopes for key, scopes in writing.items() if scopes} == {
        ("review", "comment"): {"pull-requests"},
        ("deploy", "deploy"): {"id-token"},
        ("deploy-environment", "diff"): {"id-token"},
        ("deploy-environment", "deploy"): {"id-token"},
    }
    assert set().union(*writing.values()) == WRITES


def test_the_job_that_writes_comments_runs_nothing_of_the_pull_request():
    comment = load("review")["jobs"]["comment"]
    assert not any("checkout" in step.get("uses", "") for step in comment["steps"])
    assert "pull_request_target" not in (FOLDER / "review.yml").read_text()


def test_ci_runs_the_gate_that_people_run():
    [*_, last] = load("ci")["jobs"]["test"]["steps"]
    assert last == {"run": "make test"}


def test_one_build_is_promoted_in_order_after_the_gate():
    jobs = load("deploy")["jobs"]
    assert list(jobs) == ["gate", "build", "deploy"]
    assert jobs["gate"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in load("ci")["on"]
    job = jobs["deploy"]
    assert job["uses"] == "./.github/workflows/deploy-environment.yml"
    assert set(job["needs"]) == {"gate", "build"}
    assert job["strategy"] == {
        "max-parallel": 1,
        "fail-fast": True,
        "matrix": {"include": "${{ fromJSON(needs.build.outputs.environments) }}"},
    }
    assert job["with"] == {
        "environment": "${{ matrix.environment }}",
        "approval": "${{ matrix.approval }}",
        "digest": "${{ needs.build.outputs.digest }}",
    }


def test_every_environment_is_promoted_and_those_that_retain_data_come_last():
    found = promotion()
    assert sorted(one["environment"] for one in found) == settings.names()
    removals = [settings.load(one["environment"]).removal for one in found]
    assert removals == sorted(removals)
    assert all(
        one["approval"] for one in found if settings.load(one["environment"]).removal == "retain"
    )


def outcome(jobs, failed):
    """What GitHub makes of jobs when some end as ``failed`` says: without a status function in its
    `if`, a job is skipped unless all that it needs succeeded."""
    found = dict(failed)
    for name, job in jobs.items():
        needs = job.get("needs") or []
        needs = [needs] if isinstance(needs, str) else needs
        runs = "always()" in str(job.get("if", "")) or all(found[one] == "success" for one in needs)
        found.setdefault(name, "success" if runs else "skipped")
    return found


@pytest.mark.parametrize("end", ["failure", "cancelled", "skipped"])
@pytest.mark.parametrize("job", ["gate", "build"])
def test_nothing_is_deployed_past_a_job_that_did_not_succeed(job, end):
    assert outcome(load("deploy")["jobs"], {job: end})["deploy"] == "skipped"
    assert set(outcome(load("deploy")["jobs"], {}).values()) == {"success"}


def test_a_run_that_waits_for_approval_holds_up_no_other_run():
    assert "concurrency" not in load("deploy")
    concurrent = {
        name: job.get("concurrency")
        for name, job in {**load("deploy")["jobs"], **load("deploy-environment")["jobs"]}.items()
    }
    assert {name: group for name, group in concurrent.items() if group} == {
        "deploy": {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False}
    }
    group = load("ci")["concurrency"]["group"]
    assert "github.run_id" in group, "the gate of one commit of main never waits for another's"


def test_environments_are_deployed_from_the_build_and_looked_at_first():
    jobs = load("deploy-environment")["jobs"]
    assert jobs["deploy"]["needs"] == "diff"
    assert jobs["diff"]["environment"] == "${{ inputs.environment }}-diff"
    assert jobs["deploy"]["environment"] == "${{ inputs.environment }}"
    for job in jobs.values():
        scripts = "\n".join(step.get("run", "") for step in job["steps"])
        assert 'tools.assembly check assembly "$DIGEST"' in scripts
        assert "synth" not in scripts
        [cdk] = [step for step in job["steps"] if "/cdk " in step.get("run", "")]
        assert '--app "$ENVIRONMENT"' in cdk["run"]
        assert cdk["working-directory"] == "assembly"


def test_reviewers_and_age_are_asked_for_before_anything_is_deployed():
    jobs = load("deploy-environment")["jobs"]
    for job, asked in (("diff", "reviewers"), ("deploy", "newer")):
        steps = [step.get("run", "") for step in jobs[job]["steps"]]
        [place] = [index for index, run in enumerate(steps) if f"promotion {asked}" in run]
        assert not any("/cdk " in run for run in steps[:place])
    [step] = [one for one in jobs["diff"]["steps"] if "promotion reviewers" in one.get("run", "")]
    assert step["if"] == "inputs.approval"
    [step] = [one for one in jobs["deploy"]["steps"] if "promotion newer" in one.get("run", "")]
    assert "if" not in step
