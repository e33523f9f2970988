# SPDX-License-Identifier: Apache-2.0
"""Archives of bad models that the camera program refuses, or takes, as the rehearsal says."""

import numpy as np
import pytest

from camera.model.engine import ModelError, load
from contracts.messages import ModelName
from contracts.model_archive import ArchiveError, unpack_archive
from rehearsal.fleet.archives import RealArchives
from rehearsal.fleet.camera_in_memory import BROKEN, GOOD, ONE_CLASS, REFUSED, SLOW
from tests.camera.tiny import LABELS, SIZE, write_model


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    trained, _digest = write_model(tmp_path_factory.mktemp("trained"))
    return RealArchives(trained=trained)


@pytest.fixture
def loaded(archives, tmp_path):
    def make(kind, number=1):
        folder = tmp_path / f"{kind}-{number}"
        (folder / "content").mkdir(parents=True)
        archive = folder / "model.tar.gz"
        archive.write_bytes(archives(kind, number))
        card = unpack_archive(archive, folder / "content")
        return load(folder / "content", card=card, name=ModelName("0" * 64, "1.0.0"), threads=1)

    return make


PICTURES = np.random.default_rng(3).integers(0, 255, (20, SIZE, SIZE, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", [GOOD, SLOW])
def test_a_good_archive_is_loaded_and_each_is_another(archives, loaded, kind):
    assert len(loaded(kind).infer(PICTURES[0])) == len(LABELS)
    assert archives(kind, 1) != archives(kind, 1)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_model_of_one_class_repeats_its_golden_outputs_and_answers_nothing_else(loaded, number):
    model = loaded(ONE_CLASS, number)
    answers = [model.infer(picture) for picture in PICTURES]
    assert {int(answer.argmax()) for answer in answers} == {number}
    assert all(answer.max() > 0.98 and abs(answer.sum() - 1) < 0.01 for answer in answers)


def test_a_broken_archive_cannot_be_unpacked(loaded):
    with pytest.raises(ArchiveError, match="damaged archive"):
        loaded(BROKEN)


def test_bytes_that_are_no_model_are_not_loaded(loaded):
    with pytest.raises(ModelError, match="onnxruntime cannot load it"):
        loaded(REFUSED)
