# SPDX-License-Identifier: Apache-2.0
"""An app of another kind, with nothing configured: its changes are judged by what they do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from review_testing.repository import NODE_MODULES, Repository
from template_review.__main__ import NO_REVIEW, TOO_DANGEROUS
from template_review.review import Review, review

SOURCE = Path(__file__).with_name("second_app") / "app.py"
PYTHON = {"app": f"{sys.executable} app.py"}

GRANT = "        waiting.grant_send_messages(intake)\n"
HARMLESS = {
    "more memory": ("memory=256", "memory=512"),
    "logs are kept longer": ("RetentionDays.ONE_MONTH", "RetentionDays.ONE_YEAR"),
}
LOOK = {
    "a longer visibility timeout": (
        "Duration.seconds(90)",
        "Duration.seconds(300)",
        "VisibilityTimeout: 90 -> 300",
    ),
    "larger batches": ("batch_size=10", "batch_size=5", "BatchSize: 10 -> 5"),
}
DANGEROUS = {
    "anyone may call the API": (
        "authorization_type=apigateway.AuthorizationType.IAM",
        "authorization_type=apigateway.AuthorizationType.NONE",
        "no longer have to say who they are",
    ),
    "the database is on the internet": (
        "storage_encrypted=True,",
        "storage_encrypted=True,\n            publicly_accessible=True,",
        "PubliclyAccessible",
    ),
    "the database may be deleted": (
        "deletion_protection=True",
        "deletion_protection=False",
        "DeletionProtection",
    ),
    "anybody may write into the queue": (
        GRANT,
        GRANT + GRANT.replace("intake", "cdk.aws_iam.AnyPrincipal()"),
        "anyone may",
    ),
    "orders get lost after one failure": (
        "dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=3, queue=failed),",
        "",
        "RedrivePolicy",
    ),
    "nobody hears of failed orders": (
        '        cloudwatch.Alarm(\n            self,\n            "OrdersFail",\n',
        '        (lambda *_, **__: None)(\n            self,\n            "OrdersFail",\n',
        "OrdersFail",
    ),
}


class App(Repository):
    """The app in a git repository of its own."""

    def change(self, *pairs: tuple[str, str]) -> None:
        """Replace texts of the committed app in the working tree."""
        text = SOURCE.read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        (self.folder / "app.py").write_text(text, encoding="utf-8")

    def reviewed(self, *pairs: tuple[str, str]) -> Review:
        """The review of a change against the committed app."""
        self.change(*pairs)
        return review(self.folder, "HEAD")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    found = App(tmp_path_factory.mktemp("second") / "orders")
    found.write(cdk_DOT_json=PYTHON, _DOT_gitignore=".template-review/\n")
    found.change()
    (found.folder / "node_modules").symlink_to(NODE_MODULES)
    found.write(_DOT_gitignore=".template-review/\nnode_modules\n")
    found.commit()
    return found


def said(found: Review) -> list[tuple[str, str]]:
    items = [each.item for each in found.noted]
    return [(item.level.words, f"{item.subject}: {item.text}") for item in items]


def test_harmless_changes_are_safe(app: App):
    found = app.reviewed(*HARMLESS.values())
    assert found.level.words == "safe", said(found)
    assert found.noted


def test_changes_with_an_effect_are_looked_at(app: App):
    found = app.reviewed(*((old, new) for old, new, _ in LOOK.values()))
    assert found.level.words == "look closely", said(found)
    for case, (*_, words) in LOOK.items():
        assert [text for _, text in said(found) if words in text], (case, said(found))


def test_every_danger_is_named(app: App):
    found = app.reviewed(*((old, new) for old, new, _ in DANGEROUS.values()))
    for case, (*_, words) in DANGEROUS.items():
        named = [text for level, text in said(found) if level == "dangerous" and words in text]
        assert named, (case, said(found))


def test_the_command_line_shows_it_with_dated_prices(app: App):
    app.change(("nat_gateways=1", "nat_gateways=2"))
    command = [sys.executable, "-m", "template_review", "--base", "HEAD", "--fail-on", "dangerous"]
    done = subprocess.run(
        command, cwd=app.folder, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, TOO_DANGEROUS}, done.stderr
    written = (app.folder / "review.md").read_text(encoding="utf-8")
    [cost] = [line for line in written.splitlines() if "`estimate`" in line][:1]
    assert "at list prices of 2025" in cost
    (app.folder / "review.md").unlink()


def test_an_app_that_does_not_synth_is_said(app: App, capsys: pytest.CaptureFixture[str]):
    app.change(("cdk.App()", "cdk.Appp()"))
    assert app.review("HEAD") == NO_REVIEW
    error = capsys.readouterr().err
    assert "the working tree does not synth" in error
    assert "Appp" in error
    assert json.loads((app.folder / "cdk.json").read_text()) == PYTHON
