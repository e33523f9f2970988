# SPDX-License-Identifier: Apache-2.0
"""Captures become labelled photos in a local AWS, and a manifest names them."""

import http.client
import io
import json
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from tests.label.conftest import frame, jpeg, picture
from tools.label.captures import CaptureError, Captures, parse
from tools.label.desk import UNDO, DeskError
from tools.label.photos import Photos
from tools.label.server import KEYS, LabelServer
from training.dataset.duplicates import likeness
from training.dataset.listing import DatasetError
from training.dataset.sources import list_sources

DATASET = {"glass": 12, "paper": 12}


def label(desk, class_name):
    key = desk.current().key
    desk.decide(key, "label", class_name)
    return key


def test_a_labelled_photo_is_the_region_with_who_labelled_it(place):
    place.put_dataset(DATASET)
    place.capture(1)
    desk = place.desk()
    assert desk.classes[:2] == ("glass", "paper")
    assert {"cardboard", "organic"} <= set(desk.classes)
    shown = desk.current()
    assert shown.probabilities[:2] == (("paper", 0.49), ("glass", 0.41))
    label(desk, "glass")
    desk.settle()
    name = "trash/glass/capture-binsight-dev-1-001790000000001.jpg"
    stored = place.s3.get_object(Bucket=place.dataset, Key=name)
    assert stored["Metadata"]["labelled-by"].startswith("arn:aws:")
    assert stored["Metadata"]["capture"] == shown.key
    assert stored["Metadata"]["model"] == "1.0.3"
    with Image.open(io.BytesIO(stored["Body"].read())) as image:
        assert image.size == (160, 160)
    assert place.in_captures() == []
    [log] = [key for key in place.in_dataset() if "_labels" in key]
    line = json.loads(place.s3.get_object(Bucket=place.dataset, Key=log)["Body"].read())
    assert (line["decision"], line["class"], line["capture"]) == ("label", "glass", shown.key)
    assert line["by"] == stored["Metadata"]["labelled-by"]


def test_the_manifest_keeps_what_it_had_and_a_new_class_waits_for_ten_photos(place):
    place.put_dataset(DATASET)
    before = place.manifest()
    for number in range(1, 13):
        place.capture(number)
    desk = place.desk()
    label(desk, "glass")
    for _ in range(9):
        label(desk, "organic")
    desk.settle()
    plan = desk.plan()
    assert (plan.new, plan.waiting, plan.total) == ({"glass": 1}, {"organic": 9}, 25)
    desk.write_manifest(plan)
    first = place.manifest()
    assert first[: len(before)] == before
    assert [one.split("/")[0] for one in first[len(before) :]] == ["glass"]
    # Another person's session takes the rest, and the photos that waited with it.
    other = place.desk()
    label(other, "organic")
    other.settle()
    assert other.plan().new == {"organic": 10}
    other.write_manifest(other.plan())
    assert len(place.manifest()) == len(first) + 10
    # Prepare reads there who labelled what.
    assert {f"trash/{one}" for one in place.lists()} == {
        key for key in place.in_dataset() if "_labels-" in key
    }
    assert len(place.lists()) == 2


def test_a_plan_that_somebody_overtook_is_refused(place):
    place.put_dataset(DATASET)
    place.capture(1)
    desk = place.desk()
    label(desk, "glass")
    desk.settle()
    plan = desk.plan()
    place.put_dataset({**DATASET, "metal": 10})
    with pytest.raises(DatasetError, match="someone else has just written a manifest"):
        desk.write_manifest(plan)
    assert len(place.manifest()) == 35


def test_near_duplicates_of_the_dataset_and_of_this_session_are_passed_over(place):
    place.put_dataset(DATASET)
    place.capture(1, seed=1003)  # the fourth photo of glass
    place.capture(2)
    place.capture(3, seed=2)  # the item of the one before
    place.capture(4)
    desk = place.desk()
    assert label(desk, "paper").endswith("002.jpg")
    assert desk.current().key.endswith("004.jpg")
    assert desk.counts == {"near duplicates": 2, "label": 1}


def test_discarded_for_good_leaves_no_version_and_neighbours_stay(place):
    place.put_dataset(DATASET)
    place.capture(1)
    key = place.capture(1)  # a second version
    place.s3.delete_object(Bucket=place.captures, Key=key)  # and a marker
    place.capture(1)
    near = f"{key}.jpg"
    place.s3.put_object(Bucket=place.captures, Key=near, Body=frame(7))
    desk = place.desk()
    desk.decide(key, "discard")
    desk.settle()
    found = place.s3.list_object_versions(Bucket=place.captures)
    left = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
    assert [one["Key"] for one in left] == [near]
    assert not [one for one in place.in_dataset() if "capture-" in one]


def test_undo_takes_decisions_back_until_they_are_carried_out(place):
    place.put_dataset(DATASET)
    keys = [place.capture(number) for number in range(1, UNDO + 4)]
    desk = place.desk()
    desk.decide(keys[0], "discard")
    desk.undo()
    assert desk.current().key == keys[0]
    assert desk.counts == {}
    label(desk, "glass")
    desk.undo()
    assert label(desk, "paper") == keys[0]  # it is not a near duplicate of itself
    desk.decide(keys[1], "same")
    desk.decide(keys[2], "not trash")
    desk.decide(keys[3], "same")
    desk.decide(keys[4], "skip")
    for _ in range(UNDO - 5):
        label(desk, "glass")
    for _ in range(UNDO):
        desk.undo()
    with pytest.raises(DeskError, match="nothing left to undo"):
        desk.undo()
    for _ in range(2):
        label(desk, "glass")
    desk.decide(keys[2], "skip")
    desk.settle()
    assert set(place.in_captures()) == set(keys[2:])
    assert len([one for one in place.in_dataset() if "glass/capture-" in one]) == 2
    with pytest.raises(DeskError, match="nothing left to undo"):
        desk.undo()


def test_what_cannot_be_done_is_refused_with_a_reason(place):
    place.put_dataset(DATASET)
    key = place.capture(1)
    desk = place.desk()
    with pytest.raises(DeskError, match="no earlier decision to repeat"):
        desk.decide(key, "same")
    with pytest.raises(DeskError, match="class 'gold': allowed: glass, paper"):
        desk.decide(key, "label", "gold")
    with pytest.raises(DeskError, match="no longer the current one"):
        desk.decide("another", "skip")


def test_what_could_not_be_saved_is_said_and_tried_again(place, monkeypatch):
    place.put_dataset(DATASET)
    place.capture(1)
    desk = place.desk()
    label(desk, "glass")
    refusal = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
    with monkeypatch.context() as broken:
        broken.setattr(Photos, "put", lambda *_: (_ for _ in ()).throw(refusal))
        with pytest.raises(DeskError, match=r"1 decisions are not saved: .*AccessDenied"):
            desk.settle()
        assert len(place.in_captures()) == 1
    desk.settle()
    assert place.in_captures() == []
    assert desk.plan().new == {"glass": 1}


def test_a_bucket_that_does_not_answer_loses_no_capture(place, monkeypatch):
    place.put_dataset(DATASET)
    gone, broken, key = (place.capture(number) for number in range(1, 4))
    place.s3.put_object(Bucket=place.captures, Key=broken, Body=b"no photo")
    desk = place.desk()
    place.s3.delete_object(Bucket=place.captures, Key=gone)
    with LabelServer(desk, environment="dev") as server, monkeypatch.context() as down:
        refusal = ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetObject")
        down.setattr(Captures, "read", lambda *_: (_ for _ in ()).throw(refusal))
        state = server.state()
        assert (state["capture"], state["left"]) == (None, 3)
        assert "ExpiredToken" in state["problem"]
    assert desk.current().key == key
    assert desk.counts == {"unreadable": 2}


def test_prepare_reads_a_copy_of_the_bucket_and_ignores_the_list(place, tmp_path):
    place.put_dataset(DATASET)
    place.capture(1)
    desk = place.desk()
    label(desk, "glass")
    desk.settle()
    for key in place.in_dataset():
        target = tmp_path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        place.s3.download_file(place.dataset, key, str(target))
    sources = list_sources(tmp_path / "trash")
    assert {one.class_name for one in sources} == {"glass", "paper"}
    assert len(sources) == 25


def test_the_page_answers_on_its_random_path_and_name_only(place):
    place.put_dataset(DATASET)
    place.capture(1)
    with LabelServer(place.desk(), environment="dev") as server:
        there = urlsplit(server.url)
        assert there.hostname == "127.0.0.1"

        def status(path, host=there.netloc):
            connection = http.client.HTTPConnection(there.netloc, timeout=10)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Cache-Control"), answer.read()

        assert status(there.path)[:2] == (200, "no-store")
        assert json.loads(status(f"{there.path}state")[2])["left"] == 1
        assert status(f"{there.path}photo?key=other")[0] == 404
        for path in ("/", "/state", f"{there.path[:-3]}/", "/x" * 20):
            assert status(path)[0] == 404
        assert status(there.path, host="attacker.example")[0] == 404
        with pytest.raises(DeskError, match="finish first"):
            server.act("manifest", {})


def test_a_key_of_a_class_does_nothing_else():
    assert not set(KEYS) & set("dfnsuxyz ")
    assert len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize("broken", ["", "bm90IGpzb24=", "%"])
def test_a_frame_without_a_usable_prediction(broken):
    content = jpeg(picture(1))
    if broken:
        with pytest.raises(CaptureError, match=r"a/1\.jpg"):
            parse("a/1.jpg", content, broken)
    else:
        found = parse("a/1.jpg", content, broken)
        assert (found.region, found.cut, found.probabilities) == (None, content, ())
        assert found.likeness == likeness(Image.open(io.BytesIO(content)).convert("RGB"))
    with pytest.raises(CaptureError, match="cannot be decoded"):
        parse("a/1.jpg", b"no photo", "")
