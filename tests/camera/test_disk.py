# SPDX-License-Identifier: Apache-2.0
"""A disk without room: what is refused says so, and the camera goes on."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from camera.messaging.sequence import Sequence
from camera.model.model_store import ModelStore
from contracts.messages import ModelName
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.test_adoption import adopt, model_of
from tests.camera.test_program import install


@pytest.fixture
def full(monkeypatch):
    """Makes writes below a folder fail as a full disk does, until ``clear``."""

    class Full:
        folder = None

        def clear(self):
            self.folder = None

    disk = Full()

    def refusing(write):
        def maybe(path, content, *arguments, **options):
            if disk.folder is not None and Path(path).is_relative_to(disk.folder):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return write(path, content, *arguments, **options)

        return maybe

    for name in ("write_bytes", "write_text"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))
    return disk


def test_a_model_that_does_not_fit_is_refused_and_the_old_one_stays(
    settings, publisher, models, full
):
    install(settings, *models["good"])
    other, digest = models["other"]
    with running(settings, publisher) as program:
        wait_for(lambda: model_of(program))
        full.folder = settings.model_folder / "models"
        done = adopt(other, digest, settings.model_folder)
        assert done.returncode != 0
        assert "No space left" in done.stdout + done.stderr
        assert model_of(program).digest == models["good"][1]
        wait_for(lambda: "No space left" in publisher.state.get("problem", ""))
        full.clear()
        assert adopt(other, digest, settings.model_folder).returncode == 0
        assert model_of(program).digest == digest
    kept = {path.name for path in (settings.model_folder / "models").iterdir()}
    assert kept == {models["good"][1], digest}


def test_a_model_that_cannot_be_recorded_is_not_swapped_to(settings, models, full):
    install(settings, *models["good"])
    store = ModelStore(settings.model_folder, threads=1)
    archive, digest = models["other"]
    staged = store.stage(archive, name=ModelName(digest, "2"))
    full.folder = settings.model_folder
    with pytest.raises(OSError, match="No space left"):
        store.commit(staged)
    full.clear()
    assert store.load_current().name.digest == models["good"][1]


def test_captures_and_pictures_without_room_are_told_and_items_go_on(
    settings, publisher, models, lens, full
):
    archive, digest = tiny.write_model(settings.model_folder.parent / "unsure", scale=0.001)
    install(settings, archive, digest)
    full.folder = settings.model_folder
    with running(replace(settings, captures="local"), publisher) as program:
        show_now = [b"", *(tiny.photo(label) for label in tiny.LABELS)]
        full.folder = settings.model_folder / "captures"
        show(lens, "1.jpg", show_now[1])
        wait_for(lambda: publisher.of("detections"))
        wait_for(lambda: "captures are not kept" in publisher.state.get("problem", ""))
        full.folder = settings.model_folder / "pictures"
        answer = program.commands.carry_out({"command": "picture"})
        assert answer.accepted
        assert "not kept on the camera: No space left" in answer.detail
        assert answer.picture
        full.clear()
        for number, photo in enumerate(show_now[2:], 2):
            show(lens, f"{number}.jpg", photo)
        wait_for(lambda: len(publisher.of("detections")) == 3)
        wait_for(lambda: "captures" not in publisher.state.get("problem", ""))
    assert len(list((settings.model_folder / "captures").glob("*.jpg"))) == 2


def test_numbers_grow_over_a_full_disk_and_a_restart(tmp_path, monkeypatch):
    numbers = Sequence(tmp_path / "sequence")
    taken = [numbers.take() for _ in range(150)]

    def refuse(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as during:
        during.setattr(os, "fsync", refuse)
        taken += [numbers.take() for _ in range(150)]
        assert "No space left" in numbers.problem
    taken += [numbers.take() for _ in range(150)]
    assert numbers.problem is None
    restarted = Sequence(tmp_path / "sequence")
    taken += [restarted.take() for _ in range(150)]
    assert taken == sorted(set(taken))
