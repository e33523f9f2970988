# SPDX-License-Identifier: Apache-2.0
"""A dataset may come in any form that people have; the rest is told what it looks like."""

import json
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.dataset import check_dataset, upload
from training.dataset import archives
from training.dataset.listing import DatasetError
from training.dataset.opening import opened
from training.dataset.sources import given_splits, list_sources
from training.prepare import prepare

CLASSES = ("glass", "paper")


def fill(folder: Path, count: int = 4, *, first: int = 0) -> Path:
    """Photos that look different from each other, whatever folder they are in."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        random = np.random.default_rng(zlib.crc32(f"{folder.name}/{number}".encode()))
        picture = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
        picture.resize((48, 36)).save(folder / f"{number}.jpg")
    return folder


def classes(root: Path, count: int = 4, *, first: int = 0) -> Path:
    for name in CLASSES:
        fill(root / name, count, first=first)
    return root


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return archive


def read(given: Path) -> tuple[Counter[str], dict[str, str], tuple[str, ...]]:
    """Photos by class, the split that was given, the notes; as every reader gets them."""
    with opened(given) as found:
        sources = list_sources(found.folder, called=found.called)
        dataset = check_dataset(found.folder, called=found.called)
        assert sorted(dataset.photos) == sorted(source.path for source in sources)
        splits = given_splits(found.folder)
        return Counter(source.class_name for source in sources), splits, found.notes


# Splits


@pytest.mark.parametrize(
    ("folders", "kinds"),
    [
        (("train", "val", "test"), ("train", "validation", "test")),
        (("Training", "Validation", "Testing"), ("train", "validation", "test")),
        (("train_set", "dev", "hold-out"), ("train", "validation", "test")),
        (("train", "eval", "test"), ("train", "validation", "test")),
        (("train", "eval"), ("train", "test")),
    ],
)
def test_a_split_is_kept(tmp_path: Path, folders: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    for number, folder in enumerate(folders):
        classes(tmp_path / folder, 2, first=10 * number)
    found, splits, notes = read(tmp_path)
    assert found == {"glass": 2 * len(folders), "paper": 2 * len(folders)}
    for folder, kind in zip(folders, kinds, strict=True):
        assert splits[f"glass/{folder}/{10 * folders.index(folder)}.jpg"] == kind
    assert any("the split is kept" in note for note in notes)


def test_prepare_keeps_the_split_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    classes(data / "train", 12)
    classes(data / "test", 3, first=100)
    document = prepare(data, tmp_path / "out")
    assert document["given_split"] is True
    assert document["counts"]["test"] == {"glass": 3, "paper": 3}
    # Nobody gave photos for validation: they come out of train.
    left = document["counts"]
    assert all(left["validation"][name] + left["train"][name] == 12 for name in CLASSES)
    assert all(left["validation"][name] > 0 for name in CLASSES)
    assert all("/test/" in path for path in document["splits"]["test"])
    printed = capsys.readouterr().out
    assert "no validation photos given: they are taken out of train" in printed
    assert "prepare: the split that the dataset brings is kept" in printed
    page = (tmp_path / "out/report/index.html").read_text()
    assert "The dataset brings its own split" in page


def test_a_copy_on_two_sides_of_a_given_split_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    classes(data / "train", 12)
    classes(data / "val", 3, first=50)
    classes(data / "test", 3, first=100)
    copy = (data / "train/glass/0.jpg").read_bytes()
    (data / "test/glass/same.jpg").write_bytes(copy)
    document = prepare(data, tmp_path / "out")
    assert document["counts"]["test"] == {"glass": 4, "paper": 3}
    assert document["counts"]["train"] == {"glass": 12, "paper": 12}
    files = [group["files"] for group in document["across"]]
    assert files == [["glass/test/same.jpg", "glass/train/0.jpg"]]
    assert "WARNING: 1 groups of copies are on two sides" in capsys.readouterr().out
    assert "on two sides of the split" in (tmp_path / "out/report/index.html").read_text()


def test_photos_of_a_test_without_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    fill(tmp_path / "test", 5)
    found, _, notes = read(tmp_path)
    assert found == {"glass": 4, "paper": 4}
    assert "left out 5 files that lie in a split and in no class folder" in notes


def test_the_split_is_uploaded_in_the_manifest(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "test", 2, first=50)
    keys = []

    class Bucket:
        body = b""

        def upload_file(self, path: str, bucket: str, key: str) -> None:
            assert Path(path).is_file()
            keys.append(key)

        def put_object(self, *, Body: bytes, **_: str) -> None:  # noqa: N803 - boto3's name
            self.body = Body

    bucket = Bucket()
    with opened(tmp_path) as found:
        upload(bucket, check_dataset(found.folder), bucket="b", name="t", progress=print)
    assert "t/_split.json" in keys
    listed = json.loads(bucket.body)[1:]
    assert sorted(listed) == sorted(key.removeprefix("t/") for key in keys)


# Ground Truth


def line(address: str, name: str | None, **more: object) -> dict[str, object]:
    record: dict[str, object] = {"source-ref": address}
    if name is not None:
        record["sort"] = CLASSES.index(name) if name in CLASSES else 0
        record["sort-metadata"] = {
            "class-name": name,
            "confidence": 0.9,
            "type": "groundtruth/image-classification",
            "human-annotated": "yes",
            "job-name": "labeling-job/sort",
            "creation-date": "2026-11-27T10:00:00.000000",
        }
    return record | more


def manifest(path: Path, records: list[dict[str, object]], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("below", ["", "day one", "a/day one"])
def test_a_ground_truth_manifest_gives_the_classes(
    tmp_path: Path, below: str, encoding: str
) -> None:
    fill(tmp_path / below, 6)
    labels = ["glass", "paper", "glass", "paper", "glass", None]
    lines = [line(f"s3://b/a/day one/{n}.jpg", name) for n, name in enumerate(labels)]
    given = manifest(tmp_path / "output.manifest", [*lines, lines[0]], encoding)
    found, _, notes = read(given)
    assert found == {"glass": 3, "paper": 2}
    assert notes == (
        "a Ground Truth manifest with 5 labelled photos",
        "left out 1 photos without a label",
    )
    if below:  # without a folder the photos lie beside the manifest, and it is named itself
        assert read(tmp_path)[0] == found


def test_the_output_folder_of_a_labelling_job(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 4)
    lines = [line(f"s3://b/photos/{n}.jpg", CLASSES[n % 2]) for n in range(4)]
    manifest(tmp_path / "manifests/output/output.manifest", lines)
    (tmp_path / "annotations").mkdir()
    assert read(tmp_path)[0] == {"glass": 2, "paper": 2}


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([line("s3://b/p/9.jpg", "glass")], r"1 photos .* are not in .*s3 cp --recursive s3://b/p"),
        ([line("s3://b/../../9.jpg", "glass")], "1 photos of the manifest are not in"),
        ([{"source-ref": "s3://b/0.jpg", "box-metadata": {"type": "groundtruth/object-detection"}}],
         "line 1: labels of type 'groundtruth/object-detection'; expected 'groundtruth/image-cl"),
        ([line("s3://b/0.jpg", "glass", **{"b-metadata": {"class-name": "x"}})],
         r"line 1: several label attributes \(b, sort\)"),
        ([line("s3://b/0.jpg", "a/b"), line("s3://b/1.jpg", "c")], "'/' is not allowed"),
        ([{"source": "a text", "sort": 0}], "line 1: no 'source-ref'"),
        ([line("s3://b/0.jpg", None)], "no line has a label"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_used(
    tmp_path: Path, records: list[dict[str, object]], words: str
) -> None:
    fill(tmp_path, 2)
    given = manifest(tmp_path / "output.manifest", records)
    with pytest.raises(DatasetError, match=words), opened(given):
        pass


def test_a_manifest_that_is_cut_off_names_the_line(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    given = manifest(tmp_path / "output.manifest", [line("s3://b/0.jpg", "glass")])
    with given.open("a") as file:
        file.write('{"source-ref": "s3://b')
    with pytest.raises(DatasetError, match="line 2: not JSON"), opened(given):
        pass


# Zips


def test_a_zip_of_class_folders_with_what_a_mac_adds(tmp_path: Path) -> None:
    classes(tmp_path / "My photos")
    archive = zipped(tmp_path / "My photos", tmp_path / "photos.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("__MACOSX/My photos/glass/._0.jpg", b"resource fork")
        file.writestr("My photos/.DS_Store", b"x")
    found, splits, notes = read(archive)
    assert found == {"glass": 4, "paper": 4}
    assert splits == {}
    assert "left out 2 files of desktops and storage in the zip" in notes


def test_a_zip_of_splits_and_a_zip_of_a_manifest(tmp_path: Path) -> None:
    classes(tmp_path / "a/train")
    classes(tmp_path / "a/test", 2, first=50)
    assert set(read(zipped(tmp_path / "a", tmp_path / "a.zip"))[1].values()) == {"train", "test"}
    fill(tmp_path / "b/photos")
    lines = [line(f"s3://x/photos/{n}.jpg", CLASSES[n % 2]) for n in range(4)]
    manifest(tmp_path / "b/output.manifest", lines)
    assert read(zipped(tmp_path / "b", tmp_path / "b.zip"))[0] == {"glass": 2, "paper": 2}


@pytest.mark.parametrize(
    "name", ["../glass/0.jpg", "/etc/0.jpg", "C:\\glass\\0.jpg", "a\\..\\..\\b"]
)
def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr(name, b"x")
    with pytest.raises(DatasetError, match="leads out of"), opened(tmp_path / "bad.zip"):
        pass


def test_links_and_names_that_occur_twice_in_a_zip_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("glass/0.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(DatasetError, match="is a link or a device"), opened(tmp_path / "link.zip"):
        pass
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("glass/0.jpg", b"x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("glass/0.jpg", b"y")
    with pytest.raises(DatasetError, match="in the zip twice"), opened(tmp_path / "twice.zip"):
        pass


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_GRACE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("glass/0.jpg", bytes(10_000_000))
    words = "bytes that unpack to 10000000 bytes are no photos"
    with pytest.raises(DatasetError, match=words), opened(tmp_path / "bomb.zip"):
        pass


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lies.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("glass/0.jpg", bytes(1_000_000))
    raw, stated = bytearray(path.read_bytes()), (1_000_000).to_bytes(4, "little")
    for _ in range(raw.count(stated)):  # in front of the file, and in the directory at the end
        at = raw.index(stated)
        raw[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match=r"cannot be read|larger than"), opened(path):
        pass


def test_damaged_and_encrypted_zips_are_told(tmp_path: Path) -> None:
    classes(tmp_path / "a")
    archive = zipped(tmp_path / "a", tmp_path / "a.zip")
    raw = bytearray(archive.read_bytes())
    at = raw.index((tmp_path / "a/paper/0.jpg").read_bytes()[:200])
    raw[at + 300] ^= 255
    (tmp_path / "damaged.zip").write_bytes(raw)
    words = "the zip cannot be read: Bad CRC-32"
    with pytest.raises(DatasetError, match=words), opened(tmp_path / "damaged.zip"):
        pass


# Anything else


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["0.jpg", "1.jpg", "labels.csv"], "2 photos in no class folder, beside labels.csv"),
        (["0.jpg"], "1 photos in no class folder; expected class folders"),
        (["photos.zip"], "a folder with photos.zip; pass the zip itself"),
        ([], "an empty folder"),
        (["images/0.jpg", "labels/0.txt"], "YOLO"),
        (["JPEGImages/0.jpg", "Annotations/0.xml"], "Pascal VOC"),
        (["images/0.jpg", "annotations/instances_train.json"], "COCO"),
        (["data/train-00000.parquet"], "Parquet, as of Hugging Face"),
        (["train/0.jpg", "test/1.jpg"], "look like splits, without class folders inside"),
        (
            ["train/0.jpg", "train/glass/1.jpg", "test/glass/2.jpg", "test/paper/3.jpg"],
            r"look like splits of class folders \(glass, paper\), but train has photos outside",
        ),
        (["val/glass/1.jpg", "test/glass/2.jpg"], "none of them for training"),
    ],
)
def test_a_folder_of_another_form_is_told_what_it_looks_like(
    tmp_path: Path, files: list[str], words: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DatasetError, match=words) as told:
        read(tmp_path)
    assert "expected class folders (<class>/<photo>.jpg), or train, val" in str(told.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"\xff\xd8\xff\xe0", "a file .jpg"), (b"%PDF-1.4", "looks like PDF"), (b"", "a file .jpg")],
)
def test_a_file_of_another_form_is_told_what_it_looks_like(
    tmp_path: Path, raw: bytes, words: str
) -> None:
    (tmp_path / "x.jpg").write_bytes(raw)
    with pytest.raises(DatasetError, match=f"{words}; expected class"), opened(tmp_path / "x.jpg"):
        pass


def test_the_home_folder_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    classes(tmp_path / "photos")
    assert read(Path("~/photos"))[0] == {"glass": 4, "paper": 4}
    with pytest.raises(DatasetError, match="dataset ~/nowhere: there is no"), opened("~/nowhere"):
        pass
