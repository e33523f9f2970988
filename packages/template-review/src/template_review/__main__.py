# SPDX-License-Identifier: Apache-2.0
"""``python -m template_review --base origin/main``: write review.md and show it."""

import argparse
import atexit
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from template_review.errors import ReviewError
from template_review.model import Level
from template_review.rendering.markdown import markdown
from template_review.rendering.terminal import show
from template_review.review import Review, review

FAILS_ON = {"never": None, "look": Level.LOOK, "dangerous": Level.DANGEROUS}
TOO_DANGEROUS = 3
NO_REVIEW = 2


def main(arguments: list[str] | None = None, *, root: Path | None = None) -> int:
    """Exit status 0: reviewed, 2: no review possible, 3: --fail-on reached, 130: interrupted."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # While Python exits it gives signals their default action back: the next one would kill.
    atexit.register(_ignore)
    started = time.monotonic()
    try:
        found = review(root or Path.cwd(), options.base, options.environment)
        options.output.write_text(markdown(found), encoding="utf-8")
    except ReviewError as error:
        print(f"review: {error}", file=sys.stderr)
        return NO_REVIEW
    except OSError as error:
        print(f"review: {error.filename}: {error.strerror}", file=sys.stderr)
        return NO_REVIEW
    except KeyboardInterrupt:
        print("\nreview: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    _show(found, f"{options.output} written in {time.monotonic() - started:.0f} s")
    limit = FAILS_ON[options.fail_on]
    return TOO_DANGEROUS if limit is not None and found.level >= limit else 0


def _show(found: Review, last: str) -> None:
    """Show the review. A reader that has enough (``| head``) does not change the exit status."""
    try:
        show(found)
        print(last, flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more while it exits.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="template-review", description=__doc__)
    parser.add_argument("--base", default="origin/main", help="what to compare with")
    parser.add_argument("--output", type=Path, default=Path("review.md"), help="the file to write")
    parser.add_argument(
        "--environment", action="append", default=[], help="only this one (may be repeated)"
    )
    parser.add_argument("--fail-on", choices=sorted(FAILS_ON), default="never")
    return parser.parse_args(arguments)


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    # A second one, close behind, would interrupt the cleaning up. Not SIG_IGN: Python reports a
    # signal that is pending at this moment as an error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _do_nothing)
    raise KeyboardInterrupt


def _ignore() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _do_nothing(_signum: int, _frame: FrameType | None) -> None:
    """Take a signal without acting on it."""


if __name__ == "__main__":
    sys.exit(main())
