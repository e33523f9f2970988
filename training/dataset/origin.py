# SPDX-License-Identifier: Apache-2.0
"""Where the photos of a dataset came from: uploaded, or captured by cameras and labelled by whom.

``make label`` writes ``_labels-<session>.jsonl`` beside the class folders, one line for each
decision, and names a labelled photo ``capture-<camera>-<milliseconds>.jpg``.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.dataset.photos import Photo

LABELS = "_labels-*.jsonl"
UNKNOWN = "unknown"
_CAPTURE = re.compile(r"capture-(?P<camera>.+)-(?P<milliseconds>\d{10,})\.jpg")
_MOST_CAMERAS = 20


@dataclass(frozen=True, kw_only=True)
class _Capture:
    camera: str
    site: str
    seconds: float
    by: str


def origin_of(folder: Path, name: str, photos: Sequence[Photo]) -> dict[str, Any]:
    """The dataset's name and, per source, how many of its photos are used.

    ``sources`` has the uploaded photos by class, and the captures by site: cameras (at most 20 by
    name), time range (UTC), who labelled how many. Where no line says so, it is ``unknown``.
    """
    labels = _labels(folder)
    uploaded: Counter[str] = Counter()
    captures: dict[str, list[_Capture]] = defaultdict(list)
    for photo in photos:
        file = photo.path.rsplit("/", 1)[-1]
        found = _CAPTURE.fullmatch(file)
        if found is None:
            uploaded[photo.class_name] += 1
            continue
        line = labels.get((photo.class_name, file), {})
        capture = _Capture(
            camera=found["camera"],
            site=_text(line.get("site")),
            seconds=int(found["milliseconds"]) / 1000,
            by=_text(line.get("by")).rsplit(":", 1)[-1],
        )
        captures[capture.site].append(capture)
    sources: list[dict[str, Any]] = []
    if uploaded:
        sources.append(
            {
                "source": "upload",
                "photos": uploaded.total(),
                "classes": dict(sorted(uploaded.items())),
            }
        )
    sources += [_of_site(site, found) for site, found in sorted(captures.items())]
    return {"dataset": name, "sources": sources}


def _of_site(site: str, captures: Sequence[_Capture]) -> dict[str, Any]:
    cameras = sorted({one.camera for one in captures})
    times = [one.seconds for one in captures]
    return {
        "source": "captures",
        "site": site,
        "cameras": len(cameras),
        "camera_names": cameras[:_MOST_CAMERAS],
        "first": _time(min(times)),
        "last": _time(max(times)),
        "photos": len(captures),
        "labelled_by": dict(sorted(Counter(one.by for one in captures).items())),
    }


def _labels(folder: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The lines of all sessions by class and photo; what is no such line is passed over."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for path in sorted(folder.glob(LABELS)):
        for line in _lines(path.read_text(encoding="utf-8", errors="replace").splitlines()):
            found[str(line.get("class")), str(line.get("photo"))] = line
    return found


def _lines(texts: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "photo" in line:
            yield line


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else UNKNOWN


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
