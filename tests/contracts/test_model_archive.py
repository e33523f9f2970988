# SPDX-License-Identifier: Apache-2.0
"""The model archive: same content, same bytes; whatever is wrong is refused by name."""

import errno
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.cut import CutRule
from contracts.model_archive import (
    REFERENCE,
    ArchiveError,
    ModelCard,
    unpack_archive,
    write_archive,
)

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


TEXT = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=3)
CARDS = st.builds(
    ModelCard,
    labels=st.lists(TEXT, min_size=1, max_size=4, unique=True).map(tuple),
    width=st.integers(16, 1024),
    height=st.integers(16, 1024),
    input_name=TEXT,
    output_name=TEXT,
    digests=st.dictionaries(TEXT, TEXT, max_size=2).map(lambda found: {**found, "model": "d"}),
    golden_tolerance=st.floats(0, 1),
    precision=st.none() | st.sampled_from(["int8", "float32"]),
    calibration=OBJECTS,
    statistics=OBJECTS,
    seen=TEXT,
    metrics=OBJECTS,
    frameworks=st.dictionaries(TEXT, TEXT, max_size=2),
    created_from=OBJECTS,
)
LATER = ("calibration", "created_from", "frameworks", "metrics", "precision", "seen", "statistics")


@settings(max_examples=60, deadline=None)
@given(card=CARDS, unknown=st.dictionaries(TEXT.map("x-{}".format), VALUES, max_size=3))
def test_every_card_survives_its_text(card, unknown):
    text = card.to_json()
    assert ModelCard.from_json(text) == card
    assert ModelCard.from_json(text).to_json() == text
    document = json.loads(text)
    assert ModelCard.from_json(json.dumps({**document, **unknown})) == card
    # A card of an earlier version has none of these and still loads.
    for key in LATER:
        del document[key]
    earlier = ModelCard.from_json(json.dumps(document))
    assert (earlier.labels, earlier.digests) == (card.labels, card.digests)
    assert (earlier.precision, earlier.calibration, earlier.seen) == (None, {}, "")


@pytest.mark.parametrize("key", ["calibration", "statistics", "metrics", "created_from"])
def test_what_must_be_an_object_is_named(card, key):
    document = {**json.loads(card.to_json()), key: [1]}
    with pytest.raises(ArchiveError, match=rf"key '{key}': \[1\]; expected an object"):
        ModelCard.from_json(json.dumps(document))


def test_a_full_disk_is_not_blamed_on_the_archive(tmp_path, folder, monkeypatch):
    write_archive(folder, tmp_path / "model.tar.gz")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="No space left on device"):
        unpack_archive(tmp_path / "model.tar.gz", tmp_path / "out")


def test_the_float_reference_travels_only_where_it_is_asked_for(tmp_path, folder, card):
    (folder / "reference").mkdir()
    (folder / REFERENCE).write_bytes(b"float")
    write_archive(folder, tmp_path / "deployed.tar.gz")
    write_archive(folder, tmp_path / "trained.tar.gz", extra={REFERENCE})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert unpack_archive(tmp_path / "trained.tar.gz", tmp_path / "a", extra={REFERENCE}) == card
    assert (tmp_path / "a" / REFERENCE).read_bytes() == b"float"
    assert unpack_archive(tmp_path / "deployed.tar.gz", tmp_path / "b") == card
    with pytest.raises(ArchiveError, match="unexpected member"):
        unpack_archive(tmp_path / "trained.tar.gz", tmp_path / "b")


def test_a_card_may_have_keys_that_this_camera_does_not_know(card):
    document = json.loads(card.to_json())
    assert ModelCard.from_json(json.dumps({**document, "temperature": 1.5})) == card
    del document["labels"]
    with pytest.raises(ArchiveError, match="'labels' is missing"):
        ModelCard.from_json(json.dumps(document))


def test_a_card_tells_how_an_item_is_cut_out(card):
    rule = CutRule(margin=0.1, least=0.2, stretch=1.5)
    told = ModelCard.from_json(replace(card, cut=rule.to_json()).to_json())
    assert told.cut_rule() == rule


def test_a_card_of_before_the_cut_looks_at_whole_frames(card):
    document = json.loads(card.to_json())
    del document["cut"]
    assert ModelCard.from_json(json.dumps(document)).cut_rule() is None


def test_a_card_without_flips_is_of_a_model_that_is_shown_none(card):
    document = json.loads(card.to_json())
    del document["flips"]
    assert not ModelCard.from_json(json.dumps(document)).flips
    with pytest.raises(ArchiveError, match="key 'flips': 1; expected a boolean"):
        ModelCard.from_json(json.dumps({**document, "flips": 1}))


@pytest.mark.parametrize("cut", [{"schema": 9}, {"schema": 1, "margin": 0.1}, "whole"])
def test_a_cut_that_this_version_cannot_make_is_refused(card, cut):
    document = {**json.loads(card.to_json()), "cut": cut}
    with pytest.raises(ArchiveError, match=r"model\.json: key 'cut"):
        ModelCard.from_json(json.dumps(document))
