# SPDX-License-Identifier: Apache-2.0
"""The stages between the photos and the end: schedules, the fleet, questions, the notebook."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rehearsal import notebook, questions, schedules
from rehearsal.account import Account
from rehearsal.account_stages import Outputs, operator_of
from rehearsal.aws_client import Cloud
from rehearsal.cameras import Cameras


def run_schedules(account: Account) -> None:
    """Run what EventBridge's clock would start. Raises RehearsalError where a function fails."""
    settings, stages = account.settings, account.stages
    # Root stands in for the clock; the functions act as their own roles.
    clock = Cloud(
        endpoint=account.aws.endpoint,
        account=settings.account,
        region=settings.region,
        prefix=settings.prefix,
    )
    with stages.stage("schedules", "run the scheduled functions now"):
        stages.news(f"{len(schedules.run_schedules(clock))} scheduled functions ran")


def look(account: Account) -> None:
    """Print what `make fleet` and `make rollout` print, and write the fleet's page."""
    operator = operator_of(account)
    with account.stages.stage("fleet", "show every camera, as the reader's role"):
        page = account.work / "fleet.html"
        commands = (("tools.fleet", "--out", str(page)), ("tools.rollout",))
        with ThreadPoolExecutor() as pool:
            for lines in pool.map(lambda command: operator.run(*command), commands):
                for line in lines:
                    account.stages.news(line)


def ask(account: Account, cameras: Cameras) -> None:
    """Ask every question. Raises RehearsalError where an answer is not what was published."""
    with account.stages.stage("questions", "run every named query on the archive"):
        questions.ask(
            operator_of(account),
            (cameras.canary, cameras.fleet),
            account.work / "answers.json",
            account.stages.news,
        )


def run_notebook(account: Account, outputs: Outputs, copy: Path) -> None:
    """Run the training notebook and wait for the rollout that it starts; ``copy`` is its record."""
    operator, stages = account.people.operator, account.stages
    with stages.stage("notebook", "train again from the notebook, approve, roll out"):
        notebook.run(
            copy,
            prefix=account.settings.prefix,
            environment=account.environment(operator),
            news=stages.news,
        )
        account.cloud(operator).watch_rollout(
            outputs["RolloutStateMachineArn"], news=stages.progress
        )
        stages.news(f"executed copy: {copy}")
