# SPDX-License-Identifier: Apache-2.0
"""Measures the camera program: ``python -m tests.bench.camera all`` or one of its parts.

Ratios are between numbers of one run, taken in turns: another machine gives other numbers, a busy
one both worse.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "lambda/inference"), str(ROOT)]

import camera  # noqa: E402, F401 - sets BLAS threads before numpy is imported
from camera.pictures import encode  # noqa: E402
from tests.bench import camera_endurance as endurance  # noqa: E402
from tests.bench import camera_speed as speed  # noqa: E402
from tests.bench import mobilenet  # noqa: E402
from tests.bench.camera_items import play  # noqa: E402
from tests.bench.camera_setting import model_from  # noqa: E402
from tests.bench.camera_stream import Script  # noqa: E402

PHOTOS = Path(os.environ.get("BINSIGHT_SHARED", ROOT.parent / "shared")) / "trashnet/train"
_SIZES = ((1280, 720, 0.9), (1920, 1080, 0.8))


def main() -> int:
    """Measure what was asked for and print it; 1 if a figure misses its goal."""
    parser = argparse.ArgumentParser(prog="tests.bench.camera")
    parser.add_argument("part", choices=["all", *PARTS], help="what to measure")
    parser.add_argument("--model", type=Path, help="model.tar.gz (default: a MobileNetV2, random)")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument(
        "--count", type=int, help="frames, items or kills (fuzz, soak, items, kills)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archive = options.model or mobilenet.write(Path(scratch) / "mobilenet")[0]
        parts = _QUICK if options.part == "all" else [options.part]
        results = [PARTS[part](archive, options) for part in parts]
        return int(not all(results))


def say(what: str, value: str, *, good: bool | None = None) -> bool:
    """One line; whether its goal was reached (True where there is none)."""
    mark = "" if good is None else ("ok" if good else "MISSED")
    print(f"{what:<58} {value:>26}  {mark}", flush=True)
    return good is not False


def throughput(archive: Path, options: argparse.Namespace) -> bool:
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        model = model_from(archive, Path(scratch))
        for width, height, goal in _SIZES:
            frames = speed.pictures(width, height)
            ratios, many, faster = [], [], []
            for _ in range(3):
                engine = speed.bare(model, seconds=options.seconds / 2)
                one = speed.loop_rate(archive, frames, seconds=options.seconds, watching=1)
                ten = speed.loop_rate(archive, frames, seconds=options.seconds, watching=10)
                first = speed.original_rate(model, frames, seconds=options.seconds / 2)
                ratios.append(one / engine)
                many.append(ten / one)
                faster.append(one / first)
                rates = f"bare {engine:.1f}, page {one:.1f}, 10 viewers {ten:.1f}"
                print(f"  {rates}, original {first:.1f}")
            look, infer = speed.costs(model, frames)
            say(
                f"{width}x{height}: processor time to look / to infer",
                f"{look:.1f} / {infer:.1f} ms",
            )
            ratio = statistics.median(ratios)
            name = f"{width}x{height}"
            good &= say(
                f"{name}: loop with the page open / bare engine",
                f"{ratio:.2f} (goal {goal})",
                good=ratio >= goal,
            )
            ratio = statistics.median(many)
            good &= say(
                f"{name}: with ten viewers / with one", f"{ratio:.2f} (goal 0.9)", good=ratio >= 0.9
            )
            ratio = statistics.median(faster)
            say(f"{name}: every frame inferred / the original's procedure", f"{ratio:.1f}")
    return good


def day(archive: Path, options: argparse.Namespace) -> bool:
    """The loop on a stream as it comes, where most frames need no inference."""
    frames = [encode(each.rgb) for each in Script(items=15).frames()]
    with tempfile.TemporaryDirectory() as scratch:
        model = model_from(archive, Path(scratch))
        first = speed.original_rate(model, frames, seconds=options.seconds)
        rate, messages = speed.stream_rate(archive, frames)
    good = say(
        "a day's stream: frames per second / the original's",
        f"{rate / first:.1f} (goal 3)",
        good=rate >= 3 * first,
    )
    ratio = len(frames) / max(messages, 1)
    return good & say("frames (the original's messages) per message", f"{ratio:.0f}")


def latency(archive: Path, options: argparse.Namespace) -> bool:
    frames = speed.pictures(1280, 720)
    with tempfile.TemporaryDirectory() as scratch:
        engine = 1000 / speed.bare(model_from(archive, Path(scratch)), seconds=options.seconds)
    item = [frames[0]] * 8 + [frames[8]] * 8
    latencies, _, _, _ = speed.paced(archive, item * 12, fps=15)
    p50, p99 = speed.quantiles(latencies)
    good = say(
        "added latency at 15 fps, 1280x720, p50",
        f"{p50 - engine:.1f} ms (goal 10)",
        good=p50 - engine < 10,
    )
    good &= say(
        "added latency at 15 fps, 1280x720, p99",
        f"{p99 - engine:.1f} ms (goal 40)",
        good=p99 - engine < 40,
    )
    _, share, _, _ = speed.paced(archive, [frames[0]] * 120, fps=15)
    good &= say(
        "CPU with nothing in view, 15 fps, 1280x720", f"{share:.1%} (goal 10 %)", good=share < 0.1
    )
    size = speed.memory(archive, frames)
    return good & say("resident memory", f"{size:.0f} MB (goal 200)", good=size < 200)


def swap(archive: Path, _: argparse.Namespace) -> bool:
    frames = speed.pictures(1280, 720)
    item = [frames[0]] * 8 + [frames[8]] * 8
    calm, _, before, _ = speed.paced(archive, item * 6, fps=15)
    with tempfile.TemporaryDirectory() as scratch:
        other, _ = mobilenet.write(Path(scratch) / "other", size=192)
        busy, _, after, dropped = speed.paced(
            archive, item * 6, fps=15, during=lambda program: speed.adopt(program, other)
        )
    extra = max(busy) - max(calm)
    good = say("a swap: frames dropped", str(dropped), good=dropped == 0)
    good &= say(
        "a swap: items reported with / without",
        f"{len(after.moments)} / {len(before.moments)}",
        good=len(after.moments) == len(before.moments),
    )
    return good & say(
        "a swap: extra latency of the slowest frame", f"{extra:.0f} ms (goal 50)", good=extra < 50
    )


def items(archive: Path, options: argparse.Namespace) -> bool:
    good = True
    for name, photos in (("drawn things", None), ("real photos", PHOTOS)):
        if photos is not None and not photos.is_dir():
            say(f"items, {name}", "skipped: no photos")
            continue
        for perfect in (True, False) if options.model else (True,):
            score = play(archive, items=options.count or 300, photos=photos, perfect=perfect)
            told = "perfect classifier" if perfect else "the model"
            reached = min(score.precision, score.recall) >= 0.98 if perfect else None
            good &= say(
                f"items, {name}, {told}: precision, recall",
                f"{score.precision:.3f}, {score.recall:.3f}",
                good=reached,
            )
            print(f"  {score}")
    return good


def fuzz(_: Path, options: argparse.Namespace) -> bool:
    found = endurance.fuzz(options.count or 20_000)
    print(f"  {found}")
    good = found["items_seen"] >= found["items_shown"] and found["grown_mb"] < 50
    return say(
        "damaged frames: the next good item is seen", str(found["items_seen"]), good=good
    ) & bool(print(f"  {found}") is None)


def soak(_: Path, options: argparse.Namespace) -> bool:
    found = endurance.soak(options.count or 2_000_000)
    good = found["grown_mb"] < 10 and found["descriptors_more"] <= 0
    print(f"  {found}")
    return say(
        "soak: memory grown",
        f"{found['grown_mb']} MB",
        good=good and found["items_seen"] == found["items_shown"],
    )


def kills(_: Path, options: argparse.Namespace) -> bool:
    tests = ["tests/camera/test_queue.py", "tests/camera/test_power_cut.py", "-k", "kill"]
    environment = {**os.environ, "BINSIGHT_KILLS": str(options.count or 50)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, env=environment, check=False
    )
    return say(
        "kill -9 at random moments", environment["BINSIGHT_KILLS"], good=done.returncode == 0
    )


PARTS: dict[str, Callable[[Path, argparse.Namespace], bool]] = {
    "throughput": throughput,
    "day": day,
    "latency": latency,
    "swap": swap,
    "items": items,
    "fuzz": fuzz,
    "soak": soak,
    "kills": kills,
}
_QUICK = ["throughput", "day", "latency", "swap"]

if __name__ == "__main__":
    sys.exit(main())
