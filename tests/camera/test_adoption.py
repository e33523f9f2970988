# SPDX-License-Identifier: Apache-2.0
"""adopt.py as the model component runs it, against a camera that is running (or is not)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from camera.model.model_store import ModelStore
from camera.settings import Settings
from contracts.messages import ModelName
from contracts.model_archive import file_digest
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from training.tar_files import extract_all

ADOPT = Path(__file__).parents[2] / "lambda/rollout/rollout/adopt.py"


def adopt(archive, digest, folder, *, version="1.0.1", timeout=20.0):
    """Run the script as a component step does: alone, with nothing of the project in sight."""
    return subprocess.run(
        [
            *(sys.executable, "-I", "-S", str(ADOPT), "--archive", str(archive)),
            *("--digest", digest, "--version", version),
            *("--folder", str(folder), "--timeout", str(timeout)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def model_of(program):
    return program.loop.model.name if program.loop.model else None


def store(settings):
    return ModelStore(settings.model_folder, threads=1)


def test_a_running_camera_adopts_and_a_restart_loads_it(settings, publisher, models):
    archive, digest = models["good"]
    name = ModelName(digest, "1.0.1")
    with running(settings, publisher) as program:
        done = adopt(archive, digest, settings.model_folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "adopted 1.0.1: 3 classes" in done.stdout
        assert model_of(program) == name
        assert list((settings.model_folder / "incoming").iterdir()) == []
        wait_for(lambda: publisher.state.get("model") == name.to_json())
    current = json.loads((settings.model_folder / "current.json").read_text())
    assert current == name.to_json()
    with running(settings, publisher) as program:
        wait_for(lambda: model_of(program) == name)


def test_the_model_in_use_is_answered_at_once_also_without_a_camera(settings, publisher, models):
    archive, digest = models["good"]
    with running(settings, publisher):
        assert adopt(archive, digest, settings.model_folder).returncode == 0
    done = adopt(archive, digest, settings.model_folder, timeout=0.1)
    assert (done.returncode, "already the model in use" in done.stdout) == (0, True)
    done = adopt(archive, digest, settings.model_folder, version="1.0.2", timeout=0.1)
    assert (done.returncode, "as version 1.0.1" in done.stdout) == (0, True)


def test_the_same_model_under_a_new_version_is_renamed(settings, publisher, models):
    archive, digest = models["good"]
    with running(settings, publisher) as program:
        adopt(archive, digest, settings.model_folder)
        done = adopt(archive, digest, settings.model_folder, version="1.0.2")
        assert done.returncode == 0
        assert model_of(program) == ModelName(digest, "1.0.2")
    assert [path.name for path in (settings.model_folder / "models").iterdir()] == [digest]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong golden", "probabilities differ by 0.2000 on this camera; allowed 0.01"),
        ("float input", "expected one, ('image', 'tensor(uint8)', [32, 32, 3])"),
        ("labels", "expected uint8"),
    ],
)
def test_a_bad_model_is_refused_with_the_reason_and_the_old_one_stays(
    settings, publisher, models, kind, said
):
    archive, digest = models["good"]
    with running(settings, publisher) as program:
        adopt(archive, digest, settings.model_folder)
        before = (settings.model_folder / "current.json").read_bytes()
        done = adopt(*models[kind], settings.model_folder, version="1.0.2")
        assert done.returncode == 1
        assert said in done.stdout
        assert model_of(program) == ModelName(digest, "1.0.1")
        assert (settings.model_folder / "current.json").read_bytes() == before
        wait_for(lambda: said in publisher.state.get("problem", ""))
        assert [path.name for path in (settings.model_folder / "models").iterdir()] == [digest]
        adopt(*models["other"], settings.model_folder, version="1.0.3")
        wait_for(lambda: "problem" not in publisher.state)


def test_an_archive_with_an_extra_file_is_refused(settings, publisher, models, tmp_path):
    with tarfile.open(models["good"][0]) as packed:
        extract_all(packed, tmp_path / "content")
    (tmp_path / "content/run.sh").write_text("echo no")
    tampered = tmp_path / "model.tar.gz"
    with tarfile.open(tampered, "w:gz") as packed:
        for path in sorted((tmp_path / "content").rglob("*")):
            packed.add(path, path.relative_to(tmp_path / "content"), recursive=False)
    with running(settings, publisher) as program:
        done = adopt(tampered, file_digest(tampered), settings.model_folder)
        assert done.returncode == 1
        assert "unexpected member 'run.sh'" in done.stdout
        assert model_of(program) is None


def test_an_archive_that_was_damaged_on_its_way_is_not_offered(settings, models, tmp_path):
    archive, digest = models["good"]
    damaged = tmp_path / "model.tar.gz"
    damaged.write_bytes(archive.read_bytes()[:-1])
    done = adopt(damaged, digest, settings.model_folder)
    assert (done.returncode, "damaged during the download" in done.stdout) == (3, True)
    assert not settings.model_folder.exists()


def test_a_camera_that_is_not_there_gives_a_time_out_and_no_late_adoption(
    settings, publisher, models
):
    archive, digest = models["good"]
    done = adopt(archive, digest, settings.model_folder, timeout=0.3)
    assert done.returncode == 2
    assert "is the inference component running?" in done.stdout
    assert list((settings.model_folder / "incoming").iterdir()) == []


def test_a_stopped_step_withdraws_its_request(settings, models):
    archive, digest = models["good"]
    incoming = settings.model_folder / "incoming"
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", str(ADOPT), "--archive", str(archive), "--digest", digest),
            *("--folder", str(settings.model_folder), "--timeout", "60"),
        ]
    )
    wait_for(lambda: list(incoming.glob("*.request.json")))
    for _ in range(5):  # close together: only the first one counts
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 2
    assert list(incoming.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_access_is_named(models, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    done = adopt(*models["good"], tmp_path / "locked/models", timeout=1)
    assert (done.returncode, "cannot use" in done.stdout) == (3, True)


def test_a_folder_that_cannot_be_made_yet_is_waited_for(models, tmp_path):
    """On a new camera the program's install step makes it, as root, while the model waits."""
    blocked = tmp_path / "binsight"
    blocked.write_text("in the way")
    archive, digest = models["good"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", str(ADOPT), "--archive", str(archive), "--digest", digest),
            *("--folder", str(blocked / "models"), "--timeout", "60"),
        ]
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        blocked.unlink()
        wait_for(lambda: list(blocked.glob("models/incoming/*.request.json")))
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_swaps_while_photos_flow_lose_no_item(settings, publisher, models, lens):
    photos = 24
    with running(settings, publisher) as program:
        adopt(*models["good"], settings.model_folder)
        stop = threading.Event()

        def swap_again_and_again():
            names = [("other", "2"), ("good", "1"), ("third", "3")] * 100
            for kind, version in names:
                if stop.is_set():
                    return
                adopt(*models[kind], settings.model_folder, version=f"1.0.{version}")

        thread = threading.Thread(target=swap_again_and_again)
        thread.start()
        for number in range(photos):
            show(lens, f"{number:03}.jpg", tiny.photo(tiny.LABELS[number % 3]))
            wait_for(lambda n=number: len(publisher.of("detections")) > n)
        stop.set()
        thread.join(timeout=30)
        seen = publisher.of("detections")
        assert [message["class"] for message in seen] == list(tiny.LABELS) * (photos // 3)
        assert [message["sequence"] for message in seen] == list(range(1, photos + 1))
        assert len({message["model"]["version"] for message in seen}) > 1
        assert program.slot.dropped == 0
        assert publisher.state.get("bad_frames") == 0


def test_only_the_current_and_the_previous_model_stay_on_disk(settings, models):
    models_on_disk = store(settings)
    models_on_disk.prepare()
    for kind in ("good", "other", "third"):
        archive, digest = models[kind]
        models_on_disk.commit(models_on_disk.stage(archive, name=ModelName(digest, kind)))
    left = {path.name for path in (settings.model_folder / "models").iterdir()}
    assert left == {models["other"][1], models["third"][1]}


def test_a_power_cut_leaves_a_model_that_loads(settings: Settings, models):
    models_on_disk = store(settings)
    models_on_disk.prepare()
    for kind in ("good", "other"):
        archive, digest = models[kind]
        models_on_disk.commit(models_on_disk.stage(archive, name=ModelName(digest, kind)))
    # Half-unpacked, unpacked but not committed, half-written pointer: none of it counts.
    folder = settings.model_folder / "models"
    (folder / ".half").mkdir()
    (folder / ".half/model.onnx").write_bytes(b"half")
    models_on_disk.stage(models["third"][0], name=ModelName(models["third"][1], "third"))
    (settings.model_folder / ".current.json").write_text('{"dig')
    restarted = store(settings)
    restarted.prepare()
    assert restarted.load_current().name.version == "other"
    assert not (folder / ".half").exists()
    # The current model's file is damaged: the one before it takes over.
    (folder / models["other"][1] / "model.onnx").write_bytes(b"damaged")
    assert restarted.load_current().name.version == "good"
    # And adopting the damaged one again repairs it.
    archive, digest = models["other"]
    restarted.commit(restarted.stage(archive, name=ModelName(digest, "other")))
    assert restarted.load_current().name.version == "other"
    shutil.rmtree(folder)
    assert restarted.load_current() is None
