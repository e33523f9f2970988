# SPDX-License-Identifier: Apache-2.0
"""The model card names where its photos came from."""

import json
import shutil
from pathlib import Path

import pytest

from rehearsal.samples.set import draw
from training import pages
from training.prepare import prepare

AT = 1_790_000_000_000
LINE = {"decision": "label", "class": "compost", "by": "arn:aws:iam::111111111111:user/anna"}


def _captured(dataset: Path, more: Path, photos: dict[str, str]) -> None:
    """Put drawn photos under the names that `make label` gives them."""
    draw(more, photos_per_class=len(photos), seed=41)
    drawn = sorted((more / "compost").iterdir())
    for source, name in zip(drawn, photos, strict=True):
        shutil.copy(source, dataset / "compost" / name)


def test_uploads_and_captures_are_told_apart(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "chart", lambda _draw, **_more: "")
    names = {
        f"capture-binsight-dev-{camera}-{AT + 60_000 * number:015d}.jpg": site
        for number, (camera, site) in enumerate(
            [("a", "harbour"), ("b", "harbour"), ("a", "harbour"), ("c", "")]
        )
    }
    _captured(dataset, tmp_path / "more", names)
    lines = [json.dumps({**LINE, "photo": name, "site": site}) for name, site in names.items()]
    (dataset / "_labels-one.jsonl").write_text("\n".join([*lines[:2], "{half a li"]))
    third = {**json.loads(lines[2]), "by": "arn:aws:sts::111111111111:assumed-role/Ops/ben"}
    (dataset / "_labels-two.jsonl").write_text(json.dumps(third) + "\n")
    document = prepare(dataset, tmp_path / "out", name="trash")
    assert document["origin"] == {
        "dataset": "trash",
        "sources": [
            {
                "source": "upload",
                "photos": 42,
                "classes": {"compost": 14, "landfill": 14, "recycling": 14},
            },
            {
                "source": "captures",
                "site": "harbour",
                "cameras": 2,
                "camera_names": ["binsight-dev-a", "binsight-dev-b"],
                "first": "2026-09-21T14:13:20+00:00",
                "last": "2026-09-21T14:15:20+00:00",
                "photos": 3,
                "labelled_by": {"assumed-role/Ops/ben": 1, "user/anna": 2},
            },
            {
                "source": "captures",
                "site": "unknown",
                "cameras": 1,
                "camera_names": ["binsight-dev-c"],
                "first": "2026-09-21T14:16:20+00:00",
                "last": "2026-09-21T14:16:20+00:00",
                "photos": 1,
                "labelled_by": {"unknown": 1},
            },
        ],
    }
    page = (tmp_path / "out/report/index.html").read_text()
    assert "captures, site harbour" in page
    assert "user/anna" in page
    assert "111111111111" not in page
