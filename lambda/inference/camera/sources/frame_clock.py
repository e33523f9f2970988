# SPDX-License-Identifier: Apache-2.0
"""Which frames of a network camera are passed on."""

import time

_BEHIND_SECONDS = 0.3


class FrameClock:
    """Passes the newest frames on, and not more than ``fps`` a second."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._ahead: float | None = None
        self._last = 0.0

    def due(self, moment: float | None = None) -> bool:
        """Whether a frame is passed on. ``moment``: when the camera took it, by its own clock."""
        now = time.monotonic()
        waited = now - self._last
        behind = False
        if moment is not None:
            lead = moment - now
            # The frame that came with the least delay so far is the measure for all others.
            if self._ahead is None or lead > self._ahead or lead < self._ahead - 60:
                self._ahead = lead
            behind = self._ahead - lead > _BEHIND_SECONDS
        # Cameras do not keep time to the millisecond; and something must be seen, however late.
        if waited < 0.9 * self._period or (behind and waited < 1):
            return False
        self._last = now
        return True
