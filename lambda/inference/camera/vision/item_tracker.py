# SPDX-License-Identifier: Apache-2.0
"""From frames to items: smoothing and hysteresis, one decision for each item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]

_LEAD = 0.2
"""By so much the new class must be more likely than the old one to count as another item."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What an item is. ``probabilities`` of the classes are the mean over its frames,
    ``captured_at`` is the deciding frame's time."""

    probabilities: Probabilities
    frames: int
    captured_at: float

    @property
    def label(self) -> int:
        """The index of the most probable class."""
        return int(np.argmax(self.probabilities))

    @property
    def confidence(self) -> float:
        """Its probability."""
        return min(float(self.probabilities[self.label]), 1.0)


class ItemTracker:
    """Follows one item from arrival to departure and decides once.

    It decides when ``smoothing_frames`` frames were seen, or at departure with fewer. Something
    seen in fewer than ``arrival_frames`` frames was no item; an item is gone only after
    ``departure_frames`` frames without it, so a flicker does not make two of one. After ``doubt``
    it decides once more, and that counts as another item only if the class is another.
    """

    def __init__(
        self, *, smoothing_frames: int, arrival_frames: int, departure_frames: int
    ) -> None:
        self._smoothing_frames = max(smoothing_frames, arrival_frames)
        self._arrival_frames = arrival_frames
        self._departure_frames = departure_frames
        self._seen: list[Probabilities] = []
        self._last_seen_at = 0.0
        self._absent = 0
        self._decided: int | None = None
        self._doubted = self._surely_another = False

    @property
    def undecided(self) -> bool:
        """Whether another look at what is in view would be of use."""
        return self._decided is None or self._doubted

    @property
    def open(self) -> bool:
        """Whether something was seen that a decision may still come for."""
        return bool(self._seen)

    @property
    def frames(self) -> int:
        """Frames that the next decision has so far."""
        return len(self._seen)

    def see(self, probabilities: Probabilities, *, captured_at: float) -> Decision | None:
        """A frame with something in view, and what the model makes of it."""
        self._absent = 0
        if not self.undecided:
            return None
        self._seen.append(probabilities)
        self._last_seen_at = captured_at
        return self._decide() if len(self._seen) >= self._smoothing_frames else None

    def still_there(self) -> None:
        """A frame with something in view that was not looked at."""
        self._absent = 0

    def doubt(self, *, surely_another: bool) -> None:
        """The view of a decided item has changed: look again; colours may tell it is another."""
        if self._decided is not None:
            self._doubted = True
            self._surely_another = self._surely_another or surely_another

    def miss(self) -> Decision | None:
        """A frame with nothing in view."""
        self._absent += 1
        return self.leave() if self._absent >= self._departure_frames else None

    def leave(self) -> Decision | None:
        """The item is gone for certain; the decision, if it was still open."""
        enough = len(self._seen) >= self._arrival_frames
        decision = self._decide() if enough and self.undecided else None
        self.drop()
        return decision

    def drop(self) -> None:
        """There was no item after all."""
        self._seen, self._absent, self._decided = [], 0, None
        self._doubted = self._surely_another = False

    def forget_frames(self) -> None:
        """Start averaging anew: another model answers from here on."""
        self._seen = []
        if self._decided is not None:
            # Its labels may be others, so a comparison with the decision would mean nothing.
            self._decided, self._doubted, self._surely_another = -1, False, False

    def _decide(self) -> Decision | None:
        decision = mean_of(self._seen, captured_at=self._last_seen_at)
        mean = decision.probabilities
        before, another = self._decided, self._surely_another
        self._seen, self._doubted, self._surely_another = [], False, False
        if before is not None and not another:
            known = 0 <= before < len(mean)
            if not known or mean[decision.label] < mean[before] + _LEAD:
                return None
        self._decided = decision.label
        return decision


def mean_of(seen: list[Probabilities], *, captured_at: float) -> Decision:
    """What frames say together."""
    return Decision(
        probabilities=np.mean(np.stack(seen), axis=0), frames=len(seen), captured_at=captured_at
    )
