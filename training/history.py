# SPDX-License-Identifier: Apache-2.0
"""How a training went, for people and programs: training/index.html and training/history.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training.hyperparameters import Hyperparameters
from training.progress import Epoch

HISTORY = "history.json"


def write_history(
    folder: Path, epochs: Sequence[Epoch], *, kept: int, settings: Hyperparameters
) -> None:
    """Write both files. ``kept`` is the epoch whose weights became the model."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "epochs": [asdict(epoch) for epoch in epochs],
        "kept": kept,
        "hyperparameters": settings.to_json(),
    }
    unfinished = folder / f"{HISTORY}.part"
    unfinished.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / HISTORY)
