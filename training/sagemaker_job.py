# SPDX-License-Identifier: Apache-2.0
"""What a step needs of SageMaker: folders, hyperparameters, failure reports, signals.

A processing or training job has fixed folders under ``/opt/ml``. No toolkit is in use, so the
environment variables that the toolkit would set are honoured when they are set and not
needed otherwise. ``SAGEMAKER_BASE_DIR`` moves the whole tree (a rehearsal, a test).
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from contracts.command_line import reader_is_gone, write_nowhere
from contracts.stop_signals import STOP_SIGNALS

READER_GONE = 128 + signal.SIGPIPE
"""Exit status of a step whose output nobody reads any more, as a shell shows that signal."""

_REASON_CHARACTERS = 1000
"""SageMaker shows the first 1024 characters of a failure reason."""


class StepError(Exception):
    """A step cannot go on; the message says what, where and what is allowed."""


def base() -> Path:
    """The root of the job's folders: /opt/ml unless SAGEMAKER_BASE_DIR says otherwise."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")


def processing(*parts: str) -> Path:
    """A folder of a processing job, as ``processing("input", "dataset")``."""
    return base().joinpath("processing", *parts)


def channel(name: str) -> Path:
    """The folder of a training job's input channel."""
    given = os.environ.get(f"SM_CHANNEL_{name.upper()}")
    return Path(given) if given else base() / "input" / "data" / name


def checkpoint_folder() -> Path | None:
    """Where a training job keeps checkpoints, if it was given a place for them."""
    given = os.environ.get("SM_CHECKPOINT_DIR")
    folder = Path(given) if given else base() / "checkpoints"
    return folder if given or folder.is_dir() else None


def output_folder() -> Path | None:
    """Where a training job leaves what SageMaker packs into output.tar.gz, if it is one."""
    given = os.environ.get("SM_OUTPUT_DATA_DIR")
    folder = Path(given) if given else base() / "output" / "data"
    return folder if given or folder.parent.is_dir() else None


def model_folder() -> Path:
    """Where a training job leaves what SageMaker packs into model.tar.gz."""
    return Path(os.environ.get("SM_MODEL_DIR") or base() / "model")


def hyperparameters() -> dict[str, str]:
    """What the job was given: SM_HPS, else input/config/hyperparameters.json, else nothing.

    SageMaker passes every value as text; its SDK writes that text as JSON, quotes included.
    """
    source, text = "SM_HPS", os.environ.get("SM_HPS", "")
    if not text:
        path = base() / "input" / "config" / "hyperparameters.json"
        if not path.is_file():
            return {}
        source, text = str(path), path.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise StepError(f"{source}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise StepError(f"{source}: expected an object of hyperparameters")
    # Names with this prefix are SageMaker's own, for the toolkit that is not used here.
    own = {key: value for key, value in document.items() if not key.startswith("sagemaker_")}
    return {key.replace("-", "_"): str(value).strip('"') for key, value in own.items()}


def run(step: Callable[[], None], *, without_reader: int = READER_GONE) -> NoReturn:
    """Run a step as a program: clear errors, a failure report, and a clean end on a signal.

    If the reader of stdout closes the pipe (``| head``), the program ends quietly with the status
    ``without_reader``. For a step this is not 0, because 0 would mean that the step is done.
    """
    raised: dict[signal.Signals, type[BaseException]] = {signal.SIGTERM: Terminated}
    # Where it is ignored (a shell's background job), it stays so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        raised[signal.SIGINT] = KeyboardInterrupt
    STOP_SIGNALS.raise_once(raised)
    try:
        step()
        if sys.stdout:
            sys.stdout.flush()
    except StepError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("interrupted by Ctrl-C; nothing was left as a result", 130)
    except Terminated:
        _fail("stopped by SIGTERM; nothing was left as a result", 143)
    except BrokenPipeError as error:
        if not reader_is_gone(error):
            _fail(f"a pipe: {error.strerror or error}", 1)
        write_nowhere()
        sys.exit(without_reader)
    except OSError as error:
        _fail(f"{error.filename or 'disk'}: {error.strerror or error}", 1)
    except Exception as error:  # noqa: BLE001 - the report must name what was not foreseen
        traceback.print_exc()
        _fail(f"{type(error).__name__}: {error}", 1)
    sys.exit(0)


class Terminated(BaseException):
    """SIGTERM arrived: unwinds the stack so that scratch folders go away."""


@contextmanager
def termination_deferred() -> Iterator[None]:
    """SIGTERM only sets a flag, so that what is in progress can be saved; raised at the end.

    SageMaker waits two minutes between SIGTERM and SIGKILL.
    """
    with STOP_SIGNALS.deferred(signal.SIGTERM):
        yield
    if STOP_SIGNALS.noted:
        STOP_SIGNALS.take_no_more()
        raise Terminated


def termination_asked() -> bool:
    """Whether SIGTERM arrived since termination is deferred."""
    return STOP_SIGNALS.noted


def _fail(reason: str, code: int) -> NoReturn:
    print(f"error: {reason}", file=sys.stderr, flush=True)
    output = Path(os.environ.get("SM_OUTPUT_DIR") or base() / "output")
    # Training jobs report through "failure", processing jobs through "message".
    if output.is_dir():
        for name in ("failure", "message"):
            (output / name).write_text(reason[:_REASON_CHARACTERS], encoding="utf-8")
    sys.exit(code)
