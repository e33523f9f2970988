# SPDX-License-Identifier: Apache-2.0
"""Files that no template shows, as a plug-in names them."""

import pytest

from review_testing.repository import CONFIGURATION, Repository
from template_review.__main__ import NO_REVIEW
from template_review.files.changes import Changed, changed_files, file_items
from template_review.files.comparisons import checks, pins
from template_review.files.workflow import workflow_changes
from template_review.iam.policy_file import policy_changes
from template_review.model import FileKind, Level, Project
from template_review.resources.outsiders import Ours

OURS = Ours(frozenset({"111111111111"}), frozenset())
POLICY = """{"Statement": [
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::app-*"},
  {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*",
   "Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/app-*"}}},
  {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}
]}"""
WORKFLOW = """\
name: deploy
on: push
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - run: make test
  deploy:
    needs: check
    environment: prod
    runs-on: ubuntu-24.04
    steps:
      - run: make deploy
"""
PLUGIN = """
    from template_review.model import FileKind, Level, Project

    PROJECT = Project(files=(FileKind("Makefile", Level.LOOK, "what people call"),))
"""


@pytest.mark.parametrize(
    ("old", "new", "level", "said"),
    [
        ("arn:aws:s3:::app-*", "*", Level.DANGEROUS, "wider"),
        (', "s3:PutObject"', "", Level.LOOK, "lost"),
        ('"Deny"', '"Allow"', Level.DANGEROUS, "a denial"),
        ('"Condition"', '"Sid2": "", "Nothing"', Level.DANGEROUS, "dropped: iam:PolicyARN"),
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
    ("old", "new", "said"),
    [
        ("    environment: prod\n", "    environment: dev\n", "approvals of the first"),
        ("    needs: check\n", "", "no longer waits for check"),
        ("  contents: read", "  contents: write", "may write"),
        ("run: make test", "run: make test || true", "is gone"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "is not pinned"),
        ("uses: actions/", "uses: somebody/", "somebody else"),
        ("on: push", "on: [push, pull_request_target]", "also runs on"),
    ],
)
def test_a_workflow_is_compared_job_by_job(old: str, new: str, said: str):
    assert old in WORKFLOW
    found = list(workflow_changes(WORKFLOW, WORKFLOW.replace(old, new)))
    named = [text for level, text in found if level is Level.DANGEROUS]
    assert any(said in text for text in named), found


def test_locks_and_checks():
    [(_, text)] = pins("a==1\nb==1\n", "a==2\nc==1\n")
    assert text == "a: 1 -> 2; b: 1 -> gone; c: new -> 1"
    [(level, text)] = checks("def one(): two()", "def one(): pass")
    assert (level, text) == (Level.DANGEROUS, "no longer has two()")


def test_files_of_which_the_same_is_said_are_one_line():
    project = Project(files=(FileKind("src/*", Level.LOOK, "the program"),))
    files = [Changed(f"src/{name}.py", "a = 1", "a = 2") for name in "abc"]
    [item] = file_items(files, project, OURS)
    assert item.text == "3 files: the program"
    assert item.details == ("~ src/a.py", "~ src/b.py", "~ src/c.py")
    [item] = file_items([Changed("src/a.py", "a = 1", "# words\na = 1")], project, OURS)
    assert item.level is Level.SAFE


def test_changed_files_are_found_committed_or_not(
    repository: Repository, capsys: pytest.CaptureFixture[str]
):
    base = repository.git("rev-parse", "HEAD").strip()
    repository.write(tools__gone_DOT_py="a = 1\n", Makefile="a:\n")
    repository.commit()
    repository.write(_DOT_github__workflows__ci_DOT_yml="name: ci\non: push\njobs: {}\n")
    (repository.folder / "app.py").unlink()
    names = {file.path: file.verb for file in changed_files(repository.folder, base)}
    assert names == {
        ".github/workflows/ci.yml": "is new",
        "Makefile": "is new",
        "app.py": "is gone",
        "tools/gone.py": "is new",
    }


def test_a_plug_in_of_the_project_says_what_its_files_mean(
    repository: Repository, capsys: pytest.CaptureFixture[str]
):
    configuration = CONFIGURATION + '    plugin = "plug_in_of_files:PROJECT"\n'
    repository.write(plug_in_of_files_DOT_py=PLUGIN, pyproject_DOT_toml=configuration)
    base = repository.commit()
    repository.write(Makefile="a:\n")
    assert repository.review(base) == 0
    assert "Template review: look closely" in repository.written
    assert "what people call" in repository.written
    assert "Nothing differs in any template" in repository.written


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('plugin = "nothing_like_this:X"', "plugin = 'nothing_like_this:X': not importable"),
        ('plugin = "json:JSONDecoder"', "a template_review.model.Project is needed"),
        ("plugin = 1", "tool.template-review.plugin = 1: allowed: a text"),
        ('locks = "uv.lock"', "locks = 'uv.lock': allowed: a list of texts"),
        ("environments = 3", "environments = 3: allowed: a text or a list of texts"),
        ('environment = "dev"', "environment: no such key; allowed: build, cache, copy"),
        ('prices = "none.toml"', "none.toml: not a readable price table"),
    ],
)
def test_a_wrong_configuration_is_named(
    repository: Repository, line: str, said: str, capsys: pytest.CaptureFixture[str]
):
    repository.write(pyproject_DOT_toml=f"[tool.template-review]\n{line}\n")
    assert repository.review("HEAD") == NO_REVIEW
    assert said in capsys.readouterr().err
