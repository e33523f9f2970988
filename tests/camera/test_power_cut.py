# SPDX-License-Identifier: Apache-2.0
"""The process is killed at any moment; what is on disk must still make a camera."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from camera.model.model_store import ModelStore
from contracts.messages import ModelName

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("BINSIGHT_KILLS", "8"))
CHILD = """
import itertools, sys
from pathlib import Path
from camera.model.model_store import ModelStore
from camera.messaging.sequence import Sequence
from contracts.messages import ModelName
folder, *models = sys.argv[1:]
store = ModelStore(Path(folder), threads=1)
store.prepare()
numbers = Sequence(Path(folder) / "sequence")
for turn, model in enumerate(itertools.cycle(models)):
    archive, digest = model.split("=")
    store.commit(store.stage(Path(archive), name=ModelName(digest, str(turn))))
    for _ in range(60):
        print(numbers.take(), flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_model_that_loads_and_no_number_twice(tmp_path, models):
    folder = tmp_path / "models"
    known = {models[kind][1] for kind in ("good", "other", "third")}
    arguments = [f"{models[kind][0]}={models[kind][1]}" for kind in ("good", "other", "third")]
    store = ModelStore(folder, threads=1)
    store.prepare()
    archive, digest = models["good"]
    store.commit(store.stage(archive, name=ModelName(digest, "first")))
    moments = np.random.default_rng(5)
    numbers = []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(ROOT / "lambda/inference"), str(ROOT)]),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        # The last line may be cut off by the kill; a consumer has not seen that number either.
        numbers += [int(line) for line in (first + process.stdout.read()).split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        restarted = ModelStore(folder, threads=1)
        restarted.prepare()
        assert restarted.load_current().name.digest in known
        assert not list((folder / "models").glob(".*"))
    assert len(numbers) > 50 * KILLS
    assert numbers == sorted(set(numbers))
