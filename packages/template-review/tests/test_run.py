# SPDX-License-Identifier: Apache-2.0
"""Whole reviews, of a small repository whose app writes an assembly without the CDK."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from review_testing.repository import APP, NODE_MODULES, Repository
from template_review.__main__ import NO_REVIEW, TOO_DANGEROUS, main


def left_behind(repository: Repository) -> list[str]:
    return [path.name for path in (repository.folder.parent / "tmp").iterdir()]


def test_nothing_changed(repository: Repository, capsys: pytest.CaptureFixture[str]):
    assert repository.review("HEAD") == 0
    assert "Template review: safe" in repository.written
    assert "Nothing differs" in repository.written
    assert "SAFE" in capsys.readouterr().out
    assert left_behind(repository) == []
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_uncommitted_change_is_reviewed(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.write(template_DOT_json={"Resources": {}})
    assert repository.review("HEAD", "--fail-on", "dangerous") == TOO_DANGEROUS
    assert "`Data/Photos`" in repository.written
    assert "DANGEROUS" in capsys.readouterr().out
    assert left_behind(repository) == []


def test_a_reader_that_has_enough_changes_no_verdict(repository: Repository):
    """As ``make review | head`` in a shell with pipefail, or a CI log that is cut off."""
    repository.write(template_DOT_json={"Resources": {}})
    given = ("--base=HEAD", "--fail-on=dangerous", f"--output={repository.folder.parent}/review.md")
    command = [sys.executable, "-m", "template_review", *given]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command,
            cwd=repository.folder,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (TOO_DANGEROUS, "")
    assert "Template review: dangerous" in repository.written


def test_second_review_synthesises_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    repository.write(template_DOT_json={"Resources": {}})
    assert repository.review("HEAD") == 0
    first = repository.written
    monkeypatch.setattr("template_review.synthesis.synthesise.synthesise", None)
    assert repository.review("HEAD") == 0
    assert repository.written == first


def test_damaged_cache_is_made_again(repository: Repository, capsys: pytest.CaptureFixture[str]):
    assert repository.review("HEAD") == 0
    for path in (repository.folder / ".build" / "review").iterdir():
        path.write_bytes(b"no gzip")
    assert repository.review("HEAD") == 0


def test_new_and_gone_environments(repository: Repository, capsys: pytest.CaptureFixture[str]):
    base = repository.git("rev-parse", "HEAD").strip()
    repository.write(environments__prod_DOT_toml='prefix = "prod"\n')
    (repository.folder / "environments" / "dev.toml").unlink()
    repository.commit()
    assert repository.review(base) == 0
    assert "new environment: 1 stacks" in repository.written
    assert "the environment's file is gone" in repository.written
    assert repository.review(base, "--environment", "prod") == 0
    assert "file is gone" not in repository.written
    assert repository.review(base, "--environment", "moon") == NO_REVIEW
    assert "'moon': there is none of that name" in capsys.readouterr().err


@pytest.mark.parametrize("base", ["nosuch", "", "--upload-pack=x", "HEAD~99"])
def test_unknown_base(repository: Repository, base: str, capsys: pytest.CaptureFixture[str]):
    assert repository.review(base) == NO_REVIEW
    said = capsys.readouterr().err
    assert f"base {base!r}" in said
    assert left_behind(repository) == []


def test_base_before_the_app(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.git("rm", "--quiet", "app.py", "cdk.json")
    base = repository.commit()
    repository.git("revert", "--no-edit", "HEAD")
    assert repository.review(base) == NO_REVIEW
    said = capsys.readouterr().err
    assert "before the project had an app" in said
    assert "choose a later base" in said
    assert left_behind(repository) == []


def test_base_with_other_packages(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.write(requirements__runtime_DOT_txt="aws-cdk-lib==1\n")
    base = repository.commit()
    repository.write(requirements__runtime_DOT_txt="aws-cdk-lib==2\n")
    assert repository.review(base) == 0
    assert "The base pins other packages (requirements/runtime.txt)" in repository.written


def test_base_does_not_synth(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.write(app_DOT_py="raise SystemExit('the base is broken here')\n")
    base = repository.commit()
    repository.write(app_DOT_py=APP)
    assert repository.review(base) == NO_REVIEW
    said = capsys.readouterr().err
    assert f"base {base}" in said
    assert "does not synth" in said
    assert "dev: the base is broken here" in said
    assert left_behind(repository) == []


def test_head_does_not_synth(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.write(app_DOT_py="import nothing_like_this\n")
    assert repository.review("HEAD") == NO_REVIEW
    said = capsys.readouterr().err
    assert "the working tree does not synth" in said
    assert "No module named 'nothing_like_this'" in said


def test_build_step_fails(repository: Repository, capsys: pytest.CaptureFixture[str]):
    repository.write(cdk_DOT_json={"app": "true", "build": "echo no packages >&2; exit 1"})
    assert repository.review("HEAD") == NO_REVIEW
    assert "its build step failed" in capsys.readouterr().err


def test_no_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--base=HEAD"], root=tmp_path) == NO_REVIEW
    assert "is not a git repository" in capsys.readouterr().err


def test_output_folder_is_missing(repository: Repository, capsys: pytest.CaptureFixture[str]):
    assert repository.review("HEAD", "--output=/nowhere/review.md") == NO_REVIEW
    assert "/nowhere/review.md" in capsys.readouterr().err


@pytest.mark.usefixtures("sigint_arrives")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(repository: Repository, number: signal.Signals):
    marker = repository.folder.parent / "started"
    slow = f"import os, pathlib, time\npathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\n"
    repository.write(app_DOT_py=f"{slow}time.sleep(60)\n")
    base = repository.commit()
    repository.write(template_DOT_json={"Resources": {}})
    scratch = repository.folder.parent / "tmp"
    program = (
        "import sys; from pathlib import Path; from template_review.__main__ import main; "
        f"sys.exit(main(['--base={base}'], root=Path({str(repository.folder)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=NODE_MODULES.parent,
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(300):
        if marker.exists() and marker.read_text():
            break
        time.sleep(0.1)
    for _ in range(5):  # close together: only the first one counts
        process.send_signal(number)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "nothing is left behind" in errors
    assert left_behind(repository) == []
    status = Path("/proc", marker.read_text(), "status")
    assert not status.exists() or "State:\tZ" in status.read_text()
