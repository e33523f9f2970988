# SPDX-License-Identifier: Apache-2.0
"""The data report: what a person wants to see before trusting a dataset."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import pages
from training.dataset.listing import SPLITS
from training.dataset.photos import Photo

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from PIL.Image import Image

_SAMPLES = 8
_GROUPS_SHOWN = 30
_PHOTOS_OF_A_GROUP = 6
_REJECTED_SHOWN = 100
_REFUSED_SHOWN = 300
_EMPTY_SHOWN = 40

Parts = Mapping[str, Mapping[str, list[Photo]]]


def write(  # noqa: PLR0913 - the sections of the report
    path: Path,
    document: Mapping[str, Any],
    parts: Parts,
    *,
    alike: Sequence[Sequence[Photo]],
    contradictions: Sequence[Sequence[Photo]],
    empty: Sequence[Photo] = (),
    views: Sequence[Sequence[Photo]] = (),
    item_of: Callable[[Photo], "Image | None"] = lambda _photo: None,
) -> None:
    """Write the page. Pictures are taken from the photos' stored files.

    Photos that contradict each other are all shown, side by side, ``item_of`` each beside it: what
    lies on the view, which is what was compared.

    The page says nothing of when or where it was made: the same dataset gives the same bytes.
    """
    photos = [photo for by_class in parts.values() for row in by_class.values() for photo in row]
    classes: list[str] = document["classes"]
    sizes = Counter((photo.width, photo.height) for photo in photos)
    html = pages.render(
        "data_report.html",
        title="Data report",
        document=document,
        splits=SPLITS,
        photos=len(photos),
        counts=_counts(document),
        small=[name for name in classes if _total(document, name) < 100],
        sizes=_sizes(sizes),
        charts=[
            _classes_chart(document),
            _brightness_chart(parts, classes),
            # One dot would say no more than the sentence.
            *([_sizes_chart(sizes)] if len(sizes) > 1 else []),
        ],
        samples=[(name, _samples(parts, name)) for name in classes],
        duplicates=_shown(document["duplicates"], alike),
        contradictions=_against(document["contradictions"], contradictions, item_of),
        empty=[_picture(photo) for photo in empty[:_EMPTY_SHOWN]],
        views=[{**_picture(members[0]), "strong": f"{len(members):,} photos"} for members in views],
        reasons=Counter(_kind(item["reason"]) for item in document["rejected"]).most_common(),
        rejected=document["rejected"][:_REJECTED_SHOWN],
    )
    pages.write(path, html)


def _total(document: Mapping[str, Any], name: str) -> int:
    return sum(document["counts"][split][name] for split in SPLITS)


def _counts(document: Mapping[str, Any]) -> list[list[Any]]:
    rows = [
        [name, *(document["counts"][split][name] for split in SPLITS), _total(document, name)]
        for name in document["classes"]
    ]
    return [*rows, ["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])]]


def _samples(parts: Parts, name: str) -> list[dict[str, str]]:
    """Some different photos of a class, evenly over its training part."""
    row = list({photo.pixels: photo for photo in parts["train"][name]}.values())
    steps = np.linspace(0, len(row) - 1, min(_SAMPLES, len(row))).astype(int)
    return [_picture(row[step]) for step in steps]


def _picture(photo: Photo) -> dict[str, str]:
    return {
        "src": pages.thumbnail(photo.stored),
        "alt": f"Photo of class {photo.class_name}",
        "text": photo.path.removeprefix(f"{photo.class_name}/"),
    }


def _shown(
    entries: Sequence[Mapping[str, Any]], groups: Sequence[Sequence[Photo]]
) -> list[dict[str, Any]]:
    """The first groups, each with some of its pictures."""
    return [
        {
            **entry,
            "count": len(group),
            "pictures": [
                {**_picture(photo), "strong": photo.class_name if "classes" in entry else ""}
                for photo in group[:_PHOTOS_OF_A_GROUP]
            ],
        }
        for entry, group in list(zip(entries, groups, strict=True))[:_GROUPS_SHOWN]
    ]


def _against(
    entries: Sequence[Mapping[str, Any]],
    groups: Sequence[Sequence[Photo]],
    item_of: Callable[[Photo], "Image | None"],
) -> list[dict[str, Any]]:
    """Every group that was refused, until so many pictures are on the page; classes alternate."""
    shown, left = [], _REFUSED_SHOWN
    for entry, group in zip(entries, groups, strict=True):
        if left <= 0:
            break
        ranks: Counter[str] = Counter()
        order = []
        for photo in group:
            order.append((ranks[photo.class_name], photo.class_name, photo))
            ranks[photo.class_name] += 1
        members = [photo for *_, photo in sorted(order, key=lambda one: one[:2])][:left]
        left -= len(members)
        pictures = []
        for photo in members:
            pictures.append({**_picture(photo), "strong": photo.class_name})
            if (item := item_of(photo)) is not None:
                alt = f"What lies on the view of {photo.path}"
                source = pages.thumbnail(np.asarray(item))
                pictures.append({"src": source, "alt": alt, "text": "what was compared"})
        shown.append({**entry, "count": len(group), "shown": len(members), "pictures": pictures})
    return shown


def _kind(reason: str) -> str:
    """The reason without what is particular to one file."""
    if match := re.match(r"\d+ x \d+ pixels; (.*)", reason):
        return f"too small or too large: {match[1]}"
    return reason.partition(":")[0]


def _classes_chart(document: Mapping[str, Any]) -> "Markup":
    classes = document["classes"]

    def draw(axes: "Axes") -> None:
        left = np.zeros(len(classes), int)
        for split, colour in zip(SPLITS, pages.SERIES, strict=False):
            values = np.array([document["counts"][split][name] for name in classes])
            axes.barh(classes, values, left=left, color=colour, label=split)
            left += values
        axes.invert_yaxis()
        axes.locator_params(axis="x", integer=True)
        axes.grid(visible=False, axis="y")
        axes.set_title("Photos per class and split", loc="left")
        axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, -0.32))

    said = ", ".join(f"{name} {_total(document, name)}" for name in classes)
    return pages.chart(draw, alt=f"Photos per class: {said}", height=1.4 + 0.32 * len(classes))


def _most_frequent(sizes: Counter[tuple[int, int]]) -> tuple[str, int]:
    (width, height), count = max(sizes.items(), key=lambda item: (item[1], item[0]))
    return f"{width} x {height} pixels", count


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    """A sentence about how large the photos are."""
    frequent, count = _most_frequent(sizes)
    if len(sizes) == 1:
        return f"All photos have {frequent}."
    smallest = min(min(size) for size in sizes)
    return (
        f"The photos have {len(sizes)} different sizes, most often {frequent} ({count} photos); "
        f"the shortest side of all is {smallest} pixels."
    )


def _sizes_chart(sizes: Counter[tuple[int, int]]) -> "Markup":
    def draw(axes: "Axes") -> None:
        widths, heights = zip(*sorted(sizes), strict=True)
        dots = [12 + 300 * sizes[size] / sizes.total() for size in sorted(sizes)]
        axes.scatter(widths, heights, s=dots, color=pages.SERIES[0], alpha=0.7, linewidths=0)
        axes.set_xlim(0, 1.15 * max(widths))
        axes.set_ylim(0, 1.25 * max(heights))
        axes.set_title("Sizes of the files", loc="left")
        axes.set_xlabel("width in pixels; a larger dot is more photos")
        axes.set_ylabel("height")

    return pages.chart(draw, alt=f"Width and height of the photos. {_sizes(sizes)}")


def _brightness_chart(parts: Parts, classes: Sequence[str]) -> "Markup":
    values = [
        np.array([photo.brightness for split in SPLITS for photo in parts[split][name]])
        for name in classes
    ]

    def draw(axes: "Axes") -> None:
        axes.boxplot(
            values,
            orientation="horizontal",
            tick_labels=list(classes),
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": pages.SERIES[0], "alpha": 0.45, "linewidth": 0},
            medianprops={"color": pages.INK, "linewidth": 2},
            whiskerprops={"color": pages.SOFT},
            capprops={"color": pages.SOFT},
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, 255)
        axes.set_title("Brightness by class", loc="left")
        axes.set_xlabel("mean grey: 0 black, 255 white; box: half of the photos; line: 90 %")

    said = ", ".join(
        f"{name} {np.median(row):.0f}" for name, row in zip(classes, values, strict=True)
    )
    alt = f"Median brightness per class, 0 black to 255 white: {said}"
    return pages.chart(draw, alt=alt, height=1.4 + 0.32 * len(classes))
