# SPDX-License-Identifier: Apache-2.0
"""What a deployment asks GitHub first, with a program in place of ``gh`` that answers as GitHub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GH = """#!{python}
import json, pathlib, sys
assert sys.argv[1] == "api"
answers = json.loads(pathlib.Path({answers!r}).read_text())
if sys.argv[2] not in answers:
    sys.exit("gh: Not Found (HTTP 404)")
print(json.dumps(answers[sys.argv[2]]))
"""


class GitHub:
    """A repository with commits, and what GitHub says about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._answers: dict[str, object] = {}
        (folder / "bin").mkdir()
        gh = folder / "bin" / "gh"
        gh.write_text(GH.format(python=sys.executable, answers=str(folder / "answers.json")))
        gh.chmod(0o755)
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--message", "More")
        return self.git("rev-parse", "HEAD")

    def says(self, path: str, answer: object) -> None:
        self._answers[f"repos/city/binsight/{path}"] = answer

    def deployments(self, *made: tuple[str, list[str]]) -> None:
        """Commits with the states that their deployments had, the oldest first."""
        found = [{"id": number, "sha": sha} for number, (sha, _) in enumerate(made)]
        self.says("deployments?environment=prod&per_page=100", found[::-1])
        for number, (_, states) in enumerate(made):
            answer = [{"state": state} for state in states]
            self.says(f"deployments/{number}/statuses?per_page=100", answer)

    def ask(self, *arguments: str) -> tuple[int, str]:
        (self.folder / "answers.json").write_text(json.dumps(self._answers))
        done = subprocess.run(
            [sys.executable, "-m", "tools.promotion", *arguments],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "GH_REPO": "city/binsight",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


def test_somebody_must_approve(github: GitHub):
    users = [
        {"type": "User", "reviewer": {"login": "ann"}},
        {"type": "Team", "reviewer": {"slug": "ops"}},
    ]
    rule = {"type": "required_reviewers", "reviewers": users}
    github.says("environments/prod", {"protection_rules": [{"type": "branch_policy"}, rule]})
    assert github.ask("reviewers", "prod") == (0, "prod: ann or ops must approve\n")


@pytest.mark.parametrize(
    "rules", [[], [{"type": "branch_policy"}], [{"type": "required_reviewers", "reviewers": []}]]
)
def test_an_environment_that_asks_nobody_is_refused(github: GitHub, rules: list[object]):
    github.says("environments/prod", {"protection_rules": rules})
    status, said = github.ask("reviewers", "prod")
    assert status == 1
    assert "prod has no required reviewers" in said
    assert "Free, Pro and Team" in said
    assert "approval: false" in said


def test_an_environment_that_is_not_there_is_refused(github: GitHub):
    status, said = github.ask("reviewers", "prod")
    assert status == 1
    assert "GitHub makes an unprotected one" in said


def test_the_first_deployment_and_a_newer_one(github: GitHub):
    old, new = github.commit(), github.commit()
    github.deployments()
    assert github.ask("newer", "prod", new)[0] == 0
    github.deployments((old, ["success", "in_progress"]), (new, ["in_progress"]))
    status, said = github.ask("newer", "prod", new)
    assert status == 0
    assert f"newer than {old[:12]}" in said


def test_the_same_commit_may_be_deployed_again(github: GitHub):
    commit = github.commit()
    github.deployments((commit, ["success"]), (commit, ["in_progress"]))
    assert github.ask("newer", "prod", commit)[0] == 0


def test_an_older_commit_is_never_deployed_over_a_newer_one(github: GitHub):
    old, new = github.commit(), github.commit()
    github.deployments((old, ["inactive", "success"]), (new, ["success"]), (old, ["waiting"]))
    status, said = github.ask("newer", "prod", old)
    assert status == 1
    assert f"prod has {new[:12]}" in said
    assert "revert on main" in said


def test_a_commit_beside_the_deployed_one_is_refused(github: GitHub):
    github.commit()
    main = github.git("rev-parse", "--abbrev-ref", "HEAD")
    github.git("checkout", "--quiet", "-b", "side")
    side = github.commit()
    github.git("checkout", "--quiet", main)
    github.git("commit", "--quiet", "--allow-empty", "--message", "Other")
    github.deployments((github.git("rev-parse", "HEAD"), ["success"]))
    assert github.ask("newer", "prod", side)[0] == 1


def test_deployments_that_failed_do_not_count(github: GitHub):
    old, new = github.commit(), github.commit()
    github.deployments((old, ["success"]), (new, ["failure"]))
    assert github.ask("newer", "prod", old)[0] == 0


def test_no_answer_is_no_permission(github: GitHub):
    status, said = github.ask("newer", "prod", github.commit())
    assert status == 1
    assert "GitHub does not answer" in said


def test_a_wrong_command_says_how(github: GitHub):
    assert github.ask("promote")[0] == 2
