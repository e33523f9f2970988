# SPDX-License-Identifier: Apache-2.0
"""Finds photos that are the same or nearly so: copies, re-saved files, the next shot of a burst.

Two photos are alike when their perceptual fingerprints (imagehash, from the cosine transform, 256
bits) differ in at most ``LIKE_BITS`` bits, and their difference fingerprints (from neighbouring
pixels, 256 bits) in at most twice as many. One photo may be the mirror image of the other: datasets
are passed on with such copies added, and training mirrors photos anyway.

Measured on TrashNet's 2,026 photos (256 x 192, one object on a plain ground), the pairs looked at:

- The perceptual fingerprint alone, at most 16 / 24 / 32 / 48 / 58 bits apart: 10 / 12 / 17 / 20 /
  21 pairs, each of them one object in one place, mostly in other light, mostly under numbers far
  apart (paper152, paper392). From 60 bits on pairs are false: a bottle from above and a can.
- The usual 64-bit perceptual hash is too coarse here: at most 6 / 8 / 10 bits apart are 27 / 39 /
  96 pairs, of which 4 / 9 / 44 are across classes (an orange cup and a lipstick).
- The difference fingerprint alone sees nothing but the plain ground: at most 24 bits apart are 31
  pairs, among them cardboard and a glass. As the second check it costs no true pair (all of them
  are at most 45 bits apart) and stops what the first may take for alike elsewhere.
- Every 40th photo saved again at quality 30, halved in size, cut by 3 %, darker or paler: at most
  42 bits apart, difference 39; a third brighter, white clipped: 42 and 88. All are found.
- Mirror images: no pair up to 53 bits apart, at 54 a bottle and a jar from above. None is there.
- Colour cannot be asked to agree: true pairs differ by up to 38 of 255 levels in the mean.

So 48 and 96 bits: 20 pairs, none false, none across classes. Unrelated photos are about 128 bits
apart. A picture without structure (a single colour) has no fingerprint and equals only its copies.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import (  # type: ignore[import-untyped]
    connected_components,
)

LIKE_BITS = 48
BITS = 256

Likeness: TypeAlias = bytes
"""A photo's two fingerprints and those of its mirror image; empty where there is no structure."""

_SIDE = 16
_WORDS = BITS // 64
_FEW_PAIRS = 10_000
_ROWS, _COLUMNS = 256, 2048  # a tile whose words fit into a core's cache

Indices: TypeAlias = NDArray[np.intp]


class Fingerprinted(Protocol):
    """What is compared: a label, the digest of the pixels, the fingerprints."""

    @property
    def class_name(self) -> str: ...
    @property
    def pixels(self) -> str: ...
    @property
    def likeness(self) -> Likeness: ...


@dataclass(frozen=True)
class Duplicates:
    """Groups of positions (two or more each, ascending), in the order of their first member.

    ``alike``: photos of one class that must stay in one split. ``contradictory``: photos alike but
    of different classes, whose right label is unknown; they are in no ``alike``.
    """

    alike: tuple[tuple[int, ...], ...]
    contradictory: tuple[tuple[int, ...], ...]


def likeness(picture: Image.Image) -> Likeness:
    """The fingerprints of a picture."""
    grey = picture.convert("L")
    # Reduced once, to what each fingerprint starts from, for the picture and its mirror image.
    square = grey.resize((4 * _SIDE, 4 * _SIDE), Image.Resampling.LANCZOS)
    wide = grey.resize((_SIDE + 1, _SIDE), Image.Resampling.LANCZOS)
    perceptual = imagehash.phash(square, hash_size=_SIDE).hash
    # Half of the bits are set by construction, unless there is nothing to see.
    if not BITS // 4 <= int(perceptual.sum()) <= BITS - BITS // 4:
        return b""
    hashes = (
        perceptual,
        imagehash.dhash(wide, hash_size=_SIDE).hash,
        imagehash.phash(ImageOps.mirror(square), hash_size=_SIDE).hash,
        imagehash.dhash(ImageOps.mirror(wide), hash_size=_SIDE).hash,
    )
    return b"".join(np.packbits(item).tobytes() for item in hashes)


def find(
    photos: Sequence[Fingerprinted],
    *,
    bits: int = LIKE_BITS,
    confirm: Callable[[int, int], bool] | None = None,
) -> Duplicates:
    """The duplicates among photos; ``bits`` = 0 leaves only pictures with equal fingerprints.

    ``confirm`` looks at two photos of different classes whose fingerprints are alike: only where it
    says that they are the same picture do they contradict each other. Every pair is compared, in
    compiled code: 100,000 photos take about a minute on two cores.
    """
    count = len(photos)
    classes = np.unique([photo.class_name for photo in photos], return_inverse=True)[1]
    same = _same_pixels(photos)
    # Of equal pictures with equal labels one stands for all: a thousand copies are one search.
    seen: dict[tuple[str, str], int] = {}
    for position, photo in enumerate(photos):
        if photo.likeness:
            seen.setdefault((photo.pixels, photo.class_name), position)
    chosen = np.array(sorted(seen.values()), np.intp)
    upright, mirrored = _words([photos[position].likeness for position in chosen])
    pairs = [same]
    for others in (upright, mirrored):
        for one, other in _near_pairs(upright, others, bits):
            pairs.append(_thinned(chosen[one], chosen[other], classes))
    first, second = _joined(pairs)
    agree = classes[first] == classes[second]
    if confirm is not None:
        kept = agree | _confirmed(first, second, ~agree, photos, confirm)
        first, second, agree = first[kept], second[kept], agree[kept]
    doubtful = np.zeros(count, bool)
    doubtful[first[~agree]] = doubtful[second[~agree]] = True
    # A copy is as doubtful as the photo that it repeats, wherever the pair stands in the list.
    pixels = components(count, *same)
    doubtful = np.isin(pixels, pixels[doubtful])
    against = _joined([(first[~agree], second[~agree]), same])
    return Duplicates(
        alike=_groups(~doubtful, first[agree], second[agree]),
        contradictory=_groups(doubtful, *against),
    )


def _confirmed(
    first: Indices,
    second: Indices,
    asked: NDArray[np.bool_],
    photos: Sequence[Fingerprinted],
    confirm: Callable[[int, int], bool],
) -> NDArray[np.bool_]:
    """Which of the pairs that are ``asked`` about show the same picture. Equal pixels do."""

    def look(pair: int) -> bool:
        one, other = int(first[pair]), int(second[pair])
        return photos[one].pixels == photos[other].pixels or confirm(one, other)

    result = np.zeros(len(first), bool)
    pairs = np.flatnonzero(asked)
    with ThreadPoolExecutor() as pool:
        result[pairs] = list(pool.map(look, pairs.tolist()))
    return result


def _same_pixels(photos: Sequence[Fingerprinted]) -> tuple[Indices, Indices]:
    """Each photo and the first one with the same pixels (of whatever class), where they differ."""
    firsts: dict[str, int] = {}
    pairs = [
        (first, position)
        for position, photo in enumerate(photos)
        if (first := firsts.setdefault(photo.pixels, position)) != position
    ]
    columns = np.array(pairs, np.intp).reshape(-1, 2).T
    return columns[0], columns[1]


def _words(fingerprints: Sequence[Likeness]) -> NDArray[np.uint64]:
    """[2, 2 * words, photos]: upright and mirrored; in each the perceptual hashes' words first."""
    flat = np.frombuffer(b"".join(fingerprints), np.uint64)
    return np.ascontiguousarray(flat.reshape(-1, 2, 2 * _WORDS).transpose(1, 2, 0))


def _near_pairs(
    words: NDArray[np.uint64], others: NDArray[np.uint64], bits: int
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs, smaller position first, whose ``words`` (first) and ``others`` (second) are alike."""
    count = words.shape[1]
    tiles = (
        (row, column)
        for row in range(0, count, _ROWS)
        for column in range(row - row % _COLUMNS, count, _COLUMNS)
    )

    def compare(tile: tuple[int, int]) -> tuple[Indices, Indices]:
        row, column = tile
        left, right = words[:, row : row + _ROWS], others[:, column : column + _COLUMNS]
        # Half a hash bounds the whole from below and leaves few pairs to be looked at closely.
        apart = np.bitwise_count(left[0, :, None] ^ right[0])
        apart += np.bitwise_count(left[1, :, None] ^ right[1])
        first, second = np.nonzero(apart <= bits)
        for part, most in ((slice(0, _WORDS), bits), (slice(_WORDS, None), 2 * bits)):
            differing = np.bitwise_count(left[part, first] ^ right[part, second])
            near = differing.sum(axis=0, dtype=np.int64) <= most
            first, second = first[near], second[near]
        first, second = first + row, second + column
        later = first < second
        return first[later], second[later]

    with ThreadPoolExecutor() as pool:
        for first, second in pool.map(compare, tiles):
            if first.size:
                yield first, second


def _thinned(first: Indices, second: Indices, classes: NDArray[np.intp]) -> tuple[Indices, Indices]:
    """Fewer pairs that join the same photos and doubt the same photos.

    Ten thousand frames of a camera that looked at a wall are fifty million pairs, too many to keep.
    """
    if first.size <= _FEW_PAIRS:
        return first, second
    agree = classes[first] == classes[second]
    nodes, ends = np.unique(np.concatenate([first[agree], second[agree]]), return_inverse=True)
    groups = components(len(nodes), *np.split(ends, 2))
    roots = nodes[np.unique(groups, return_index=True)[1]][groups]
    first, second = first[~agree], second[~agree]
    some = np.union1d(*(np.unique(side, return_index=True)[1] for side in (first, second)))
    return _joined([(roots, nodes), (first[some], second[some])])


def _joined(pairs: Sequence[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    return (
        np.concatenate([first for first, _ in pairs]),
        np.concatenate([second for _, second in pairs]),
    )


def _groups(
    members: NDArray[np.bool_], first: Indices, second: Indices
) -> tuple[tuple[int, ...], ...]:
    """The members that hang together through pairs, where two or more do."""
    found: dict[int, list[int]] = {}
    for position, group in enumerate(components(len(members), first, second)):
        if members[position]:
            found.setdefault(int(group), []).append(position)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)


def components(count: int, first: Indices, second: Indices) -> NDArray[np.int32]:
    """For each of ``count`` positions, the number of the group that pairs join it to."""
    edges = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    labels: NDArray[np.int32] = connected_components(edges, directed=False)[1]
    return labels
