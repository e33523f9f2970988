# SPDX-License-Identifier: Apache-2.0
"""Times the synth of one environment against an empty CDK app: ``python -m benchmarks.synth``.

The empty app has one stack with one bucket and the same context. Both are timed alternately in one
run, so that whatever else the machine does slows both.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.command_line import run_command

ROOT = Path(__file__).resolve().parents[1]
TARGET = 2.5
EMPTY_APP = """
import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "Empty"), "Bucket")
app.synth()
"""


def seconds(command: Sequence[str], *, environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall time and processor time of one run, its Node process included."""
    with tempfile.TemporaryDirectory() as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, "CDK_OUTDIR": out},
            check=True,
            stderr=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Build the assets, time both apps, print the figures. A busy machine spoils them, so a missed
    target is said, not failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", default="dev")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    subprocess.run([sys.executable, "-m", "infra.assets.bundling"], cwd=ROOT, check=True)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    environment = {
        **os.environ,
        # The project's own Node, as `make` uses it.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "BINSIGHT_ENVIRONMENT": arguments.environment,
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_APP, encoding="utf-8")
        commands = {
            "empty app (1 bucket)": [sys.executable, str(empty)],
            f"binsight ({arguments.environment})": [sys.executable, "app.py"],
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                times[name].append(seconds(command, environment=environment))
    for name, measured in times.items():
        walls, processor = zip(*measured, strict=True)
        print(
            f"synth, {name}: wall min {min(walls):.2f} s, median {statistics.median(walls):.2f} s; "
            f"processor median {statistics.median(processor):.2f} s; {len(measured)} rounds"
        )
    empty_runs, our_runs = times.values()
    wall = statistics.median(run[0] for run in our_runs) / statistics.median(
        run[0] for run in empty_runs
    )
    least = min(run[0] for run in our_runs) / min(run[0] for run in empty_runs)
    processor_ratio = statistics.median(run[1] for run in our_runs) / statistics.median(
        run[1] for run in empty_runs
    )
    print(
        f"ratio: wall {wall:.2f} (medians), {least:.2f} (minima); "
        f"processor {processor_ratio:.2f} (target at most {TARGET})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
