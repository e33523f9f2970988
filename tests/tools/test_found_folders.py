# SPDX-License-Identifier: Apache-2.0
"""Folders as people have them: splits, helpers' files, links, and pictures of other formats."""

import io

import pytest
from PIL import Image

from tools.dataset import DatasetError, check_dataset
from training.dataset.opening import opened
from training.dataset.photos import problem
from training.dataset.sources import list_helpers, list_sources


def fill(folder, count=3):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (32, 24), (number * 40, 90, 60)).save(folder / f"{number}.jpg")


@pytest.fixture
def folder(tmp_path):
    fill(tmp_path / "glass")
    fill(tmp_path / "paper")
    return tmp_path


def both_say(folder, words):
    """Upload and rehearse, and prepare, refuse alike."""
    with pytest.raises(DatasetError, match=words), opened(folder) as found:
        check_dataset(found.folder, called=found.called)
    with pytest.raises(DatasetError, match=words), opened(folder) as found:
        list_sources(found.folder, called=found.called)


@pytest.mark.parametrize("splits", [("VAL", "dev"), ("test-images", "Evaluation")])
def test_splits_without_photos_to_train_on_are_refused(tmp_path, splits):
    for split in splits:
        for name in ("glass", "paper"):
            fill(tmp_path / split / name)
    both_say(tmp_path, r"splits of class folders \(glass, paper\), none of them for.*<class>/<ph")


def test_splits_beside_classes_and_splits_without_classes_are_told(tmp_path):
    for name in ("glass", "paper", "test/glass"):
        fill(tmp_path / name)
    both_say(tmp_path, "^.*: test look like splits")
    fill(tmp_path / "other" / "train")
    fill(tmp_path / "other" / "test1")
    both_say(tmp_path / "other", "test1, train look like splits")


def test_classes_one_folder_down_are_told(tmp_path):
    for name in ("glass", "paper"):
        fill(tmp_path / "dataset-resized" / name)
    both_say(tmp_path, r"glass, paper\) lie one folder further down: pass .*/dataset-resized")


def test_a_class_may_be_called_like_half_a_split(tmp_path):
    for name in ("test tubes", "trainers", "value packs"):
        fill(tmp_path / name)
    assert len(check_dataset(tmp_path).classes) == 3
    assert len(list_sources(tmp_path)) == 9


HELPERS = ["@eaDir", "@EADIR", ".AppleDouble", "__macosx", "#recycle", "$RECYCLE.BIN", "Lost+Found"]


@pytest.mark.parametrize("helper", HELPERS)
def test_what_a_desktop_or_storage_puts_there_is_left_out_and_counted(folder, helper):
    fill(folder / helper)
    fill(folder / "glass" / helper / "0.jpg", 1)
    (folder / "glass" / "THUMBS.DB").write_bytes(b"x")
    dataset = check_dataset(folder)
    assert dataset.classes == {"glass": 3, "paper": 3}
    assert len(list_sources(folder)) == 6
    assert list_helpers(folder) == sorted([f"glass/{helper}/0.jpg/0.jpg", "glass/THUMBS.DB"])
    assert "2 that are no photos" in dataset.left_out
    assert helper in dataset.left_out


@pytest.mark.parametrize("suffix", [".webp", ".HEIC", ".bmp", ".jfif", ".tif", ".avif", ".GIF"])
def test_pictures_of_other_formats_are_named_and_counted(folder, suffix):
    (folder / "paper" / f"IMG_1{suffix}").write_bytes(b"anything")
    with pytest.raises(DatasetError, match=rf"1 of 7 photos(.|\n)*paper/IMG_1\{suffix}: not a pho"):
        check_dataset(folder)
    dataset = check_dataset(folder, skip_bad=True)
    assert dataset.unreadable == (f"paper/IMG_1{suffix}",)
    assert f"1 that cannot be used (paper/IMG_1{suffix})" in dataset.left_out


def test_links_to_nothing_and_to_folders_are_named(folder):
    (folder / "glass" / "annexed").symlink_to("/nowhere/annex/objects/abc")
    (folder / "paper" / "more").symlink_to(folder / "glass")
    (folder / "paper" / "linked.jpg").symlink_to(folder / "glass" / "0.jpg")
    with pytest.raises(DatasetError, match=r"2 of 9 photos") as told:
        check_dataset(folder)
    assert "glass/annexed: " in str(told.value)
    assert "paper/more: " in str(told.value)
    assert {"glass/annexed", "paper/more"} < {source.path for source in list_sources(folder)}
    assert "a link to nothing" in problem_of(folder / "glass" / "annexed", folder / "glass/a.jpg")


def problem_of(link, renamed):
    link.rename(renamed)
    return problem(renamed)


def packed(kind):
    file = io.BytesIO()
    Image.new("RGB", (32, 24)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (packed("WEBP"), "WebP"),
        (packed("GIF"), "GIF"),
        (packed("BMP"), "BMP"),
        (packed("TIFF"), "TIFF"),
        (packed("JPEG2000"), "JPEG 2000"),
        (packed("PDF"), "PDF"),
        (packed("ICO"), "ICO"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 400, "HEIC"),
        (b"\0\0\0\x1cftypavif" + b"\0" * 400, "AVIF"),
        (b"\0\0\0\x1cftypisom" + b"\0" * 400, "video"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
    ],
)
def test_a_file_of_another_format_is_told_what_it_is(tmp_path, content, name):
    (tmp_path / "a.jpg").write_bytes(content)
    assert name in problem(tmp_path / "a.jpg")
