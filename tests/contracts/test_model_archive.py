# SPDX-License-Identifier: Apache-2.0
"""The model archive: same content, same bytes; whatever is wrong is refused by name."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.model_archive import ArchiveError, ModelCard, unpack_archive, write_archive

MODEL = b"not a real network"


@pytest.fixture
def card():
    return ModelCard(
        labels=("glass", "paper"),
        width=96,
        height=96,
        input_name="image",
        output_name="probabilities",
        digests={"model": hashlib.sha256(MODEL).hexdigest(), "dataset": "d", "code": "c"},
        golden_tolerance=0.02,
        metrics={"accuracy": 0.9},
    )


@pytest.fixture
def folder(tmp_path, card):
    folder = tmp_path / "model"
    (folder / "golden").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(MODEL)
    (folder / "model.json").write_text(card.to_json())
    (folder / "golden" / "inputs.npy").write_bytes(b"inputs")
    (folder / "golden" / "outputs.npy").write_bytes(b"outputs")
    return folder


def test_what_is_packed_is_unpacked(tmp_path, folder, card):
    digest = write_archive(folder, tmp_path / "model.tar.gz")
    assert digest == hashlib.sha256((tmp_path / "model.tar.gz").read_bytes()).hexdigest()
    (tmp_path / "out").mkdir()
    assert unpack_archive(tmp_path / "model.tar.gz", tmp_path / "out") == card
    assert (tmp_path / "out" / "model.onnx").read_bytes() == MODEL
    assert (tmp_path / "out" / "golden" / "outputs.npy").read_bytes() == b"outputs"


def test_the_same_content_gives_the_same_bytes(tmp_path, folder):
    first = write_archive(folder, tmp_path / "a.tar.gz")
    for path in folder.rglob("*"):
        path.touch()
    assert write_archive(folder, tmp_path / "b.tar.gz") == first


def test_a_model_that_is_not_the_cards_is_never_packed(tmp_path, folder):
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(ArchiveError, match=r"model\.onnx: digest"):
        write_archive(folder, tmp_path / "model.tar.gz")
    assert not (tmp_path / "model.tar.gz").exists()


def _pack(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "golden/../../evil", "extra.txt"])
def test_no_other_member_is_unpacked(tmp_path, name):
    _pack(tmp_path / "bad.tar.gz", {name: b"x"})
    with pytest.raises(ArchiveError, match="unexpected member"):
        unpack_archive(tmp_path / "bad.tar.gz", tmp_path)
    assert not (tmp_path.parent / "evil").exists()


def test_a_missing_member_is_named(tmp_path, card):
    _pack(tmp_path / "bad.tar.gz", {"model.json": card.to_json().encode()})
    with pytest.raises(ArchiveError, match=r"golden/inputs\.npy is missing"):
        unpack_archive(tmp_path / "bad.tar.gz", tmp_path)


def test_sagemakers_own_tar_is_accepted(tmp_path, folder, card):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname=".")
    (tmp_path / "out").mkdir()
    assert unpack_archive(tmp_path / "model.tar.gz", tmp_path / "out") == card


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_refused_and_nothing_else_happens(data, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("damaged")
    content = bytearray(_sound_archive(tmp_path))
    cut = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:cut]
    else:
        content[cut] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(bytes(content))
    try:
        card = unpack_archive(path, tmp_path)
    except ArchiveError:
        return
    # A flipped bit in gzip's header changes nothing of the content; then all of it must be there.
    assert card.labels == ("glass", "paper")
    assert (tmp_path / "model.onnx").read_bytes() == MODEL


def _sound_archive(folder):
    document = {
        "schema": 1,
        "labels": ["glass", "paper"],
        "width": 96,
        "height": 96,
        "input_name": "image",
        "output_name": "probabilities",
        "digests": {"model": hashlib.sha256(MODEL).hexdigest()},
        "golden_tolerance": 0.02,
    }
    members = {
        "model.json": json.dumps(document).encode(),
        "golden/inputs.npy": b"inputs",
        "golden/outputs.npy": b"outputs",
        "model.onnx": MODEL,
    }
    _pack(folder / "sound.tar.gz", members)
    return (folder / "sound.tar.gz").read_bytes()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"labels": ("a", "a")}, "labels"),
        ({"width": 5000}, "width"),
        ({"digests": {}}, "digests"),
    ],
)
def test_a_wrong_card_names_its_key(card, change, complaint):
    with pytest.raises(ArchiveError, match=complaint):
        ModelCard.from_json(replace(card, **change).to_json())


def test_a_card_may_have_keys_that_this_camera_does_not_know(card):
    document = json.loads(card.to_json())
    assert ModelCard.from_json(json.dumps({**document, "temperature": 1.5})) == card
    del document["labels"]
    with pytest.raises(ArchiveError, match="'labels' is missing"):
        ModelCard.from_json(json.dumps(document))
