# SPDX-License-Identifier: Apache-2.0
"""``python -m rehearsal run``, ``down`` and ``why``; ``make rehearse`` and its like call them."""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import folder as environments
from infra.config.settings import load
from ministack_edge.clients import ROOT_SECRET, only_local
from ministack_edge.differences import DIFFERENCES
from ministack_edge.pid_file import stop_kept
from ministack_edge.process import LocalAwsError, PortTakenError
from ministack_edge.sagemaker.quota_names import parse
from rehearsal.arguments import port
from rehearsal.console import RehearsalConsole
from rehearsal.errors import RehearsalError
from rehearsal.interruption import interrupted_once
from rehearsal.loop import environment_with_captures
from rehearsal.offline_weights import OfflineWeights
from rehearsal.photos import Photos
from rehearsal.rehearse import Rehearsal
from rehearsal.short_bake import without_bake
from rehearsal.taking import environments_that_take
from rehearsal.why import explain
from tools.dataset import DatasetError
from training.dataset.opening import dataset_path

SIMULATED_CORES = (
    "Core devices are simulated. They call AWS as real cores do, with their own certificates and "
    "under the IoT policies: enrolment, messages, jobs and status over MQTT; Greengrass's data "
    "plane and the role alias's credentials over HTTPS. One address is different: the one that "
    "Greengrass presigns for a Lambda function's package leads to S3 on AWS."
)
WORK = Path(__file__).resolve().parent.parent / ".rehearsal"
_STARTED = time.time()
WHY = "To see why: make rehearse-why"


def main() -> int:
    """Parse the command line, rehearse, and turn every known error into a sentence."""
    arguments = _parse()
    # A log has no width; at 80 columns the table would wrap.
    console = RehearsalConsole(highlight=False, width=None if sys.stdout.isatty() else 120)
    interrupted_once()
    only_local(os.environ)
    try:
        return _command(arguments, console)
    except PortTakenError as error:
        hint = "PORT=<number> sets the port; `make rehearse-down` ends what KEEP=1 left up."
        _say(console, f"{error} {hint}")
        status = 1
    except (DatasetError, RehearsalError, LocalAwsError, SettingsError) as error:
        _say(console, str(error))
        # If nothing was started, the sentence above is enough.
        if isinstance(error, RehearsalError | LocalAwsError) and _began(arguments.work):
            console.print(WHY)
        status = 1
    except KeyboardInterrupt:
        console.print("rehearse: interrupted; everything that was started has been stopped")
        if _began(arguments.work):
            console.print(WHY)
        status = 130
    except Exception:
        console.print(WHY)
        raise
    # A closed pipe (`| head`) is not an error.
    return 0 if console.reader_gone else status


def _command(arguments: argparse.Namespace, console: Console) -> int:
    """Carry out the command; return the exit status."""
    if arguments.command == "down":
        console.print(stop_kept(arguments.work / "local-aws"))
        return 0
    if arguments.command == "why":
        for line in explain(arguments.work):
            console.print(line, markup=False, soft_wrap=True)
        return 0
    with _only_one(arguments.work):
        return _run(arguments, console)


def _say(console: Console, problem: str) -> None:
    console.print(f"rehearse: {problem}", style="red", markup=False, soft_wrap=True)


def _began(work: Path) -> bool:
    """Whether this rehearsal reached a stage; an earlier one's report does not count."""
    report = work / "report.json"
    return report.exists() and report.stat().st_mtime >= _STARTED


def _run(arguments: argparse.Namespace, console: Console) -> int:
    settings = load(arguments.environment)
    if source := settings.training.source:
        raise RehearsalError(
            f"{arguments.environment} takes the models of {source} (training.from) and trains "
            f"nothing: rehearse ENV={source} PROMOTE=1 has accounts that take its models"
        )
    if arguments.seldom and arguments.keep:
        raise RehearsalError("--seldom deletes what rules write to: it cannot go with --keep")
    if arguments.loop and arguments.promote:
        raise RehearsalError("LOOP= and PROMOTE=1 cannot be combined; pass one of them")
    if arguments.loop or arguments.promote:
        folder = arguments.work / "environments"
        file = environments() / f"{arguments.environment}.toml"
        if arguments.loop:
            environment_with_captures(file, folder, arguments.loop)
        else:
            environments_that_take(file, folder)
        os.environ["BINSIGHT_ENVIRONMENTS"] = str(folder)
        settings = load(arguments.environment)
    if bake := settings.rollout.bake_minutes:
        console.print(f"The bake of {bake} minutes is left out: bake_minutes is 0 here.")
        without_bake(arguments.work)
        settings = load(arguments.environment)
    rehearsal = Rehearsal(
        name=arguments.environment,
        settings=settings,
        work=arguments.work,
        photos=Photos(
            source=dataset_path(arguments.dataset) if arguments.dataset else None,
            view=arguments.view,
            skip_bad=arguments.skip_bad,
            work=arguments.work,
            bins=settings.bins.policy().bins,
            without=arguments.loop,
        ),
        weights=_weights(arguments.weights),
        notebook=arguments.notebook.resolve() if arguments.notebook else None,
        port=arguments.port,
        keep=arguments.keep,
        promote=arguments.promote,
        seldom=arguments.seldom,
        quota=_quota(arguments.quota),
        console=console,
    )
    rehearsal.run()
    total = sum(stage.seconds for stage in rehearsal.stages.done)
    console.print(f"Done in {total:.0f} s. Report: {arguments.work / 'report.json'}")
    console.print("What differs from AWS:")
    for difference in (*DIFFERENCES, *OfflineWeights.differences, SIMULATED_CORES):
        console.print(f"  - {difference}", markup=False, soft_wrap=True)
    if arguments.keep:
        _say_how_to_reach(rehearsal, console)
    return 0


def _say_how_to_reach(rehearsal: Rehearsal, console: Console) -> None:
    settings = rehearsal.settings
    console.print(
        "The local AWS keeps running. To use it with make, aws or boto3:\n"
        f"  export AWS_ENDPOINT_URL=http://127.0.0.1:{rehearsal.port} "
        f"AWS_ACCESS_KEY_ID={settings.account} AWS_SECRET_ACCESS_KEY={ROOT_SECRET} "
        f"AWS_REGION={settings.region} AWS_DEFAULT_REGION={settings.region}\n"
        "  aws cloudformation describe-stacks\n"
        "  .venv/bin/python -c \"import boto3; print(boto3.client('s3').list_buckets())\"\n"
        "To stop it: make rehearse-down",
        soft_wrap=True,
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rehearsal", description=__doc__)
    parser.add_argument("--work", type=Path, default=WORK, help="folder for everything it writes")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="rehearse an environment")
    run.add_argument("--environment", default="dev", help="a file in environments/")
    run.add_argument("--dataset", default="", help="folder of class folders; empty: drawn samples")
    run.add_argument(
        "--view",
        default="",
        type=_view,
        help="tray: items on a third of a fixed camera's view, with its empty view",
    )
    run.add_argument(
        "--loop",
        default="",
        help="a class that is held back, then captured, labelled, trained and sorted",
    )
    run.add_argument(
        "--promote", action="store_true", help="two other accounts take the model and use it too"
    )
    run.add_argument("--weights", default="", help="folder of pretrained weights to train from")
    run.add_argument(
        "--notebook", type=Path, help="run the training notebook too; its executed copy goes here"
    )
    run.add_argument(
        "--seldom", action="store_true", help="also what happens seldom: expiry, stops, failures"
    )
    run.add_argument("--skip-bad", action="store_true", help="leave unreadable photos out")
    run.add_argument("--port", type=port, default=4566, help="where the local AWS listens")
    run.add_argument("--keep", action="store_true", help="leave the local AWS up")
    run.add_argument("--quota", default="", help="such as 'ml.m5.xlarge for training job usage=0'")
    commands.add_parser("down", help="end a local AWS that --keep left up")
    commands.add_parser("why", help="show why the last rehearsal did not finish")
    return parser.parse_args()


def _weights(text: str) -> Path | None:
    if not text:
        return None
    folder = Path(text).expanduser().resolve()
    if not (folder / "config.json").is_file():
        raise RehearsalError(
            f"WEIGHTS={folder}: not a folder of weights in the transformers format; allowed: one "
            "with config.json and model.safetensors"
        )
    return folder


def _quota(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise RehearsalError(f"QUOTA={text}: {error}") from error
    return text


def _view(text: str) -> str:
    if text not in ("", "tray"):
        raise argparse.ArgumentTypeError(f"VIEW={text}: allowed: tray, or nothing")
    return text


@contextmanager
def _only_one(work: Path) -> Iterator[None]:
    """Two rehearsals in one work folder would overwrite each other."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RehearsalError(f"another rehearsal is running in {work}") from error
        print(os.getpid(), file=lock, flush=True)
        yield


if __name__ == "__main__":
    sys.exit(run_command(main))
