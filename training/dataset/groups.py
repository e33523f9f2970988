# SPDX-License-Identifier: Apache-2.0
"""Groups photos that show one object: alike, with neighbouring numbers, or taken within seconds."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from training.dataset.duplicates import components
from training.dataset.listing import SPLITS

AT_ONCE = 10.0
"""Seconds: shots that follow each other faster are of one object."""
_PAUSES = (AT_ONCE, 5.0, 2.0, 0.0)
_BLOCK_LENGTHS = (10, 7, 5, 4, 3, 2, 1)
_BLOCKS_WANTED = 20
_LARGEST_GROUP = 0.4


def groups_of(same: Sequence[int], taken: Sequence[float | None]) -> tuple[list[list[int]], int]:
    """Indices that must stay together, and the length of the runs of neighbours used.

    ``same`` has equal values for photos that are alike, ``taken`` the seconds at which they were
    taken. A run is joined to all runs that hold a photo like one of its own, or one taken right
    before or after one of its own. With many copies strewn over a class, or a camera that took one
    every other second, that would join everything into one; runs are then cut shorter, and the
    pause that parts two objects as well, until the largest group leaves room for the other splits.
    """
    count = len(same)
    longest = max(1, min(_BLOCK_LENGTHS[0], len(set(same)) // _BLOCKS_WANTED))
    groups: list[list[int]] = []
    lengths = (longest, *(one for one in _BLOCK_LENGTHS if one < longest))
    pauses = _PAUSES if any(one is not None for one in taken) else (0.0,)
    for pause, length in product(pauses, lengths):
        first_of: dict[int, int] = {}
        links = [(index, index - index % length) for index in range(count)]
        links += _bursts(taken, pause)
        links += [(index, first_of.setdefault(one, index)) for index, one in enumerate(same)]
        columns = np.array(links, np.intp).T
        found: dict[int, list[int]] = defaultdict(list)
        for index, group in enumerate(components(count, columns[0], columns[1])):
            found[int(group)].append(index)
        groups = list(found.values())
        if len(groups) >= len(SPLITS) and max(map(len, groups)) <= _LARGEST_GROUP * count:
            return groups, length
    return groups, 1


def _bursts(taken: Sequence[float | None], pause: float) -> list[tuple[int, int]]:
    """Pairs of indices of photos that follow each other in less than ``pause`` seconds."""
    times = sorted((time, index) for index, time in enumerate(taken) if time is not None)
    return [
        (one, other) for (before, one), (after, other) in pairwise(times) if after - before < pause
    ]
