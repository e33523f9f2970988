# SPDX-License-Identifier: Apache-2.0
"""A dataset is looked at before anything starts, and every defect has a name."""

import json

import pytest
from PIL import Image

from tools.dataset import DatasetError, check_dataset, require_enough, upload


@pytest.fixture
def folder(tmp_path):
    for name in ("glass", "paper"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (32, 24), (number * 40, 90, 60)).save(
                tmp_path / name / f"{number}.jpg"
            )
    (tmp_path / ".cache").mkdir()
    (tmp_path / "notes.txt").write_text("not a class")
    return tmp_path


def test_photos_are_listed_by_class(folder):
    dataset = check_dataset(folder)
    assert dataset.classes == {"glass": 3, "paper": 3}
    assert dataset.photos[0] == "glass/0.jpg"
    assert dataset.unreadable == ()


def test_empty_views_travel_along_and_are_no_class(folder):
    (folder / "_background").mkdir()
    Image.new("RGB", (32, 24), (90, 90, 90)).save(folder / "_background" / "0.jpg")
    dataset = check_dataset(folder)
    assert dataset.classes == {"glass": 3, "paper": 3}
    assert "_background/0.jpg" in dataset.photos
    (folder / "_background" / "1.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"_background/1\.jpg: cannot be decoded"):
        check_dataset(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere: there is no such folder"):
        check_dataset(tmp_path / "nowhere")


def test_one_class_is_not_enough(folder):
    for path in (folder / "paper").iterdir():
        path.unlink()
    (folder / "paper").rmdir()
    with pytest.raises(DatasetError, match=r"one class only \(glass\)"):
        check_dataset(folder)


def test_an_empty_class_is_named(folder):
    (folder / "metal").mkdir()
    with pytest.raises(DatasetError, match="class folder 'metal' has no photo"):
        check_dataset(folder)


def test_a_corrupt_photo_is_named_or_left_out(folder):
    whole = (folder / "glass" / "0.jpg").read_bytes()
    (folder / "glass" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "paper" / "2.jpg").write_text("hello")
    with pytest.raises(DatasetError, match=r"2 of 6 photos(.|\n)*glass/1\.jpg(.|\n)*SKIP_BAD=1"):
        check_dataset(folder)
    dataset = check_dataset(folder, skip_bad=True)
    assert dataset.unreadable == ("glass/1.jpg", "paper/2.jpg")
    assert dataset.classes == {"glass": 2, "paper": 2}


def test_the_rules_are_those_of_prepare(folder):
    """What prepare would refuse or leave out is told before anything is uploaded."""
    (folder / "glass" / "inside").mkdir()
    Image.new("CMYK", (40, 30)).save(folder / "glass" / "inside" / "10.jpg")
    Image.new("RGB", (40, 30)).save(folder / "glass" / "9.jpg")
    Image.new("RGB", (1, 1)).save(folder / "paper" / "dot.png")
    (folder / "paper" / "notes.txt").write_text("not a photo")
    with pytest.raises(DatasetError, match=r"paper/dot\.png: 1 x 1 pixels; smallest side"):
        check_dataset(folder)
    dataset = check_dataset(folder, skip_bad=True)
    assert dataset.photos[3:5] == ("glass/9.jpg", "glass/inside/10.jpg")
    assert dataset.unreadable == ("paper/dot.png",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("land:fill", "class folder 'land:fill': ':' is not allowed; allowed: letters, digits"),
        ("Glass", "class folders 'Glass' and 'glass' differ only in letter case"),
    ],
)
def test_a_class_name_that_cannot_travel_is_named(folder, name, message):
    (folder / "paper").rename(folder / name)
    with pytest.raises(DatasetError, match=message):
        check_dataset(folder)


def test_class_names_with_spaces_and_other_letters_are_uploaded(folder):
    (folder / "paper").rename(folder / "生ごみ & more")
    assert check_dataset(folder).classes == {"glass": 3, "生ごみ & more": 3}


def test_the_manifest_comes_last_and_is_sagemakers(folder):
    calls = []

    class Bucket:
        def upload_file(self, path, bucket, key):
            calls.append((bucket, key))

        def put_object(self, *, Bucket, Key, Body):  # noqa: N803 - boto3's names
            calls.append((Bucket, Key))
            self.manifest = json.loads(Body)

    bucket = Bucket()
    dataset = check_dataset(folder)
    assert (
        upload(bucket, dataset, bucket="b", name="trash", progress=print) == "trash/manifest.json"
    )
    assert calls[-1] == ("b", "trash/manifest.json")
    assert sorted(calls[:-1]) == [("b", f"trash/{photo}") for photo in dataset.photos]
    assert bucket.manifest == [{"prefix": "s3://b/trash/"}, *dataset.photos]


def test_too_few_photos_of_a_class_are_refused_before_anything_is_deployed(tmp_path):
    for name, count in (("glass", 10), ("paper", 9)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / name / f"{number}.jpg")
    with pytest.raises(DatasetError, match=r"too few photos of paper \(9\); .* at least 10"):
        require_enough(check_dataset(tmp_path))
    Image.new("RGB", (40, 30), (99, 0, 0)).save(tmp_path / "paper" / "9.jpg")
    require_enough(check_dataset(tmp_path))
