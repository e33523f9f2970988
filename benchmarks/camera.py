# SPDX-License-Identifier: Apache-2.0
"""Measures the camera program: ``python -m benchmarks.camera all`` or one of its parts.

Ratios are between numbers of one run, taken in turns: another machine gives other numbers, a busy
one both worse.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import camera  # noqa: F401 - sets BLAS threads before numpy is imported
from benchmarks import camera_cpu as cpu_time
from benchmarks import camera_day as daily
from benchmarks import camera_endurance as endurance
from benchmarks import camera_process as whole
from benchmarks import camera_speed as speed
from benchmarks import mobilenet
from benchmarks.camera_items import play
from benchmarks.camera_setting import model_from
from contracts.command_line import run_command
from contracts.cut import CutRule

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = Path(os.environ.get("BINSIGHT_SHARED", ROOT.parent / "shared")) / "trashnet/train"
_SIZES = ((1280, 720, 0.9), (1920, 1080, 0.8))


def main() -> int:
    """Measure what was asked for and print it; 1 if a figure misses its goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.camera")
    parser.add_argument("part", choices=["all", *PARTS], help="what to measure")
    parser.add_argument("--model", type=Path, help="model.tar.gz (default: a MobileNetV2, random)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=7, help="of throughput; its medians count")
    for name in ("--frames", "--items", "--times"):
        parser.add_argument(
            name, type=int, dest="count", help="how many (fuzz, soak; items; kills)"
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
    for width, height, goal in _SIZES:
        name, frames = f"{width}x{height}", speed.pictures(width, height)
        with tempfile.TemporaryDirectory() as scratch:
            look, infer = speed.costs(model_from(archive, Path(scratch)), frames)
        say(f"{name}: processor time to look / to infer", f"{look:.1f} / {infer:.1f} ms")
        found = speed.rounds(archive, frames, seconds=options.seconds, count=options.rounds)
        for each in found:
            print("  " + ", ".join(f"{key} {rate:.1f}" for key, rate in each.items()))
        ratio = statistics.median(each["one"] / each["bare"] for each in found)
        good &= say(
            f"{name}: loop with the page open / bare engine",
            f"{ratio:.2f} (goal {goal})",
            good=ratio >= goal,
        )
        ratio = statistics.median(each["ten"] / each["one"] for each in found)
        good &= say(
            f"{name}: with ten viewers / with one", f"{ratio:.2f} (goal 0.9)", good=ratio >= 0.9
        )
        ratio = statistics.median(each["one"] / each["original"] for each in found)
        say(f"{name}: every frame inferred / the original's procedure", f"{ratio:.1f}")
    return good


def cut(archive: Path, _: argparse.Namespace) -> bool:
    """What looking at the item costs, against looking at the whole frame as models without a cut
    do; and whether its region has more detail."""
    good = True
    for width, height, _goal in _SIZES:
        frames = speed.pictures(width, height)
        with tempfile.TemporaryDirectory() as scratch:
            model = model_from(archive, Path(scratch))
        whole, item = replace(model, cut=None), replace(model, cut=CutRule())
        rounds = [
            (speed.look_costs(whole, frames), speed.look_costs(item, frames)) for _ in "12345"
        ]
        before, after = (statistics.median(each) for each in zip(*rounds, strict=True))
        good &= say(
            f"{width}x{height}: processor time to look, whole frame / item",
            f"{before:.2f} / {after:.2f} ms (goal: no more)",
            good=after <= before,
        )
    return good


def day(archive: Path, options: argparse.Namespace) -> bool:
    """The loop on a stream as it comes, where most frames need no inference."""
    frames, shown, script = daily.stream(items=15)
    with tempfile.TemporaryDirectory() as scratch:
        model, ratios = model_from(archive, Path(scratch)), []
        for _ in range(3):
            first = speed.original_rate(model, frames, seconds=options.seconds)
            found = daily.live(archive, frames, shown, script)
            ratios.append(found.frames / found.seconds / first)
    say("a day's stream, an item every 11 s at 15 a second", f"{found.frames} frames")
    ratio = statistics.median(ratios)
    good = say("frames per second / the original's", f"{ratio:.1f} (goal 3)", good=ratio >= 3)
    ratio = found.frames / found.messages
    good &= say(
        "messages with telemetry / the original's, one per frame",
        f"1 / {ratio:.0f} (goal 1 / 100)",
        good=ratio >= 100,
    )
    return good & say(
        "items reported / shown",
        f"{found.reported} / {found.items}",
        good=found.reported == found.items,
    )


def latency(archive: Path, options: argparse.Namespace) -> bool:
    frames = speed.pictures(1280, 720)
    with tempfile.TemporaryDirectory() as scratch:
        model = model_from(archive, Path(scratch))
        engine = speed.quantiles(speed.bare_latencies(model, count=60, fps=15))
    item = [frames[0]] * 4 + [frames[8]] * 4
    # Decided by two frames, so that half a minute has enough detections for a percentile.
    answers, publisher, _ = speed.paced(archive, item * 60, fps=15, smoothing_frames=2)
    published = [
        1000 * (moment - datetime.fromisoformat(message["observed_at"]).timestamp())
        for moment, message in daily.observed(publisher.payloads)
    ]
    good = True
    for what, found in (("answer", answers), ("publish", published)):
        for name, value, base, goal in zip(
            ("p50", "p99"), speed.quantiles(found), engine, (10, 40), strict=True
        ):
            good &= say(
                f"frame to {what} over the engine alone, {name} of {len(found)}",
                f"{value - base:.1f} ms (goal {goal})",
                good=value - base < goal,
            )
    return good


def process(archive: Path, _: argparse.Namespace) -> bool:
    """The program in a process of its own."""
    frames = speed.pictures(1280, 720)
    size = whole.resident_mb(archive, frames)
    good = say("resident memory, page open", f"{size:.0f} MB (goal 200)", good=size < 200)
    for bundle in sorted((ROOT / ".build").glob("inference*.json")):
        unzipped = json.loads(bundle.read_text(encoding="utf-8"))["unzipped"] / 2**20
        good &= say(
            f"{bundle.stem}.zip unzipped", f"{unzipped:.0f} MB (goal 200)", good=unzipped < 200
        )
    share = whole.idle_share(archive, frames[:1])
    return good & say(
        "CPU with nothing in view, 15 fps, 1280x720", f"{share:.1%} (goal 10 %)", good=share < 0.1
    )


def cpu(archive: Path, options: argparse.Namespace) -> bool:
    """Processor time of a frame at 15 a second, of the camera and of the original's procedure."""
    good = True
    for width, height, _goal in _SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            empty, visits = cpu_time.write_clips(Path(scratch), width, height)
            seconds = max(options.seconds, 12)
            original = cpu_time.measured("original", visits, archive, seconds)
            averaging = cpu_time.measured("averaging", visits, archive, seconds)
            nothing = cpu_time.measured("camera", empty, archive, seconds)
            both = cpu_time.measured("camera", visits, archive, seconds)
        for what, found, goal in (
            ("an item comes, lies 2 s, leaves", cpu_time.of_a_visit(both, nothing), 1 / 4),
            ("nothing in view", nothing, 1 / 20),
        ):
            ratio = found.total / original.total
            good &= say(
                f"{height}p, {what}: CPU per frame / the original's",
                f"{found.total:.2f} / {original.total:.2f} ms = 1 / {1 / ratio:.1f}",
                good=ratio <= goal,
            )
            say(
                f"{height}p, {what}: of that decoding",
                f"{found.decoding:.2f} ms, {found.decoding / found.total:.0%}",
            )
        say(
            f"{height}p, the original: decoding; all with Pillow's bilinear resize",
            f"{original.decoding:.2f}; {averaging.total:.2f} ms",
        )
    return good


def swap(archive: Path, _: argparse.Namespace) -> bool:
    frames = speed.pictures(1280, 720)
    item = [frames[0]] * 8 + [frames[8]] * 8
    extras, lost, dropped = [], 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        other, _digest = mobilenet.write(Path(scratch) / "other", size=192)
        for _round in range(5):
            calm, before, _none = speed.paced(archive, item * 4, fps=15)
            busy, after, fell = speed.paced(
                archive, item * 4, fps=15, during=lambda program: speed.adopt(program, other)
            )
            extras.append(max(busy) - max(calm))
            lost += abs(len(after.payloads) - len(before.payloads))
            dropped += fell
    good = say("five swaps: frames dropped", str(dropped), good=dropped == 0)
    good &= say("five swaps: items more or less", str(lost), good=lost == 0)
    extra = statistics.median(extras)
    return good & say(
        "a swap: extra latency of the slowest frame", f"{extra:.0f} ms (goal 50)", good=extra < 50
    )


def items(archive: Path, options: argparse.Namespace) -> bool:
    good = True
    scenes = (("drawn things", None, False), ("real photos", PHOTOS, False), ("hard", None, True))
    for name, photos, hard in scenes:
        if photos is not None and not photos.is_dir():
            say(f"items, {name}", "skipped: no photos")
            continue
        for perfect in (True, False) if options.model and not hard else (True,):
            score = play(
                archive,
                items=options.count or 300,
                photos=photos,
                perfect=perfect,
                hard=hard,
                # The default model has no card of its own to say how it cuts.
                cut=None if options.model else CutRule(),
            )
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
    say(
        "damaged frames: items seen after them / shown",
        f"{found['items_seen']} / {found['items_shown']}",
    )
    return say(
        "damaged frames: memory grown",
        f"{found['grown_mb']} MB (goal 50)",
        good=found["items_seen"] == found["items_shown"] and found["grown_mb"] < 50,
    )


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
    "cut": cut,
    "throughput": throughput,
    "day": day,
    "latency": latency,
    "process": process,
    "cpu": cpu,
    "swap": swap,
    "items": items,
    "fuzz": fuzz,
    "soak": soak,
    "kills": kills,
}
_QUICK = ["cut", "throughput", "day", "latency", "process", "swap", "items"]

if __name__ == "__main__":
    sys.exit(run_command(main))
