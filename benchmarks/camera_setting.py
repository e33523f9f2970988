# SPDX-License-Identifier: Apache-2.0
"""What the camera's measurements have in common."""

from pathlib import Path
from typing import Any

from camera.model.engine import Model
from camera.model.model_store import ModelStore
from camera.settings import Settings
from contracts.bins import BinPolicy
from contracts.messages import ModelName
from contracts.model_archive import file_digest
from contracts.topics import Topics


def settings_in(folder: Path, **changed: Any) -> Settings:
    """A camera's settings with everything in one folder."""
    values = {
        "thing": "bench",
        "topics": Topics("bench"),
        "source": f"dir:{folder}",
        "model_folder": folder / "models",
        "bins": BinPolicy({"glass": "recycling", "paper": "recycling"}),
        "telemetry_seconds": 60,
    }
    return Settings(**{**values, **changed})


def model_from(archive: Path, folder: Path) -> Model:
    """The model of an archive, adopted in the folder."""
    store = ModelStore(folder / "models", threads=1)
    store.prepare()
    model = store.stage(archive, name=ModelName(file_digest(archive), "bench"))
    store.commit(model)
    return model
