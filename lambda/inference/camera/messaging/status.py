# SPDX-License-Identifier: Apache-2.0
"""The camera's state: counted by the loop, reported by telemetry."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from contracts.messages import ModelName, timestamp
from contracts.telemetry import Answer, Telemetry

_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")

LIVE = "live"
"""Reason of a state that is shown and not sent, with rates of the last seconds."""
_LIVE_SECONDS = 5.0


class Status:
    """Counters and states of one run. Every method may be called from any thread.

    ``changed`` is set on every change that should be reported at once.
    """

    def __init__(self, *, thing: str, source: str, program: str = "") -> None:
        self.changed = threading.Event()
        self._thing = thing
        self._source, self._program = source, program
        self._lock = threading.Lock()
        self._started = self._since = time.monotonic()
        self._latencies: deque[float] = deque(maxlen=2000)
        # For the page, whose viewers must not reset telemetry's counts.
        self._recent_frames: deque[float] = deque(maxlen=600)
        self._recent_latencies: deque[float] = deque(maxlen=200)
        self._frames = self._frames_before = self._bad_frames = self._detections = 0
        self._classes: Counter[str] = Counter()
        self._source_state = "starting"
        self._problems: dict[str, str] = {}

    def count_frame(self, *, latency_ms: float | None = None) -> None:
        """Count an analysed frame; ``latency_ms`` is from capture to answer, if the model ran."""
        with self._lock:
            self._frames += 1
            self._recent_frames.append(time.monotonic())
            if latency_ms is not None:
                self._latencies.append(latency_ms)
                self._recent_latencies.append(latency_ms)

    def count_bad_frame(self) -> None:
        with self._lock:
            self._frames += 1
            self._bad_frames += 1

    def count_detection(self, class_name: str) -> None:
        with self._lock:
            self._detections += 1
            self._classes[class_name] += 1

    def set_source_state(self, state: str) -> None:
        """Set the source's state, one of ``contracts.telemetry.SOURCE_STATES``."""
        with self._lock:
            if state != self._source_state:
                self._source_state = state
                self.changed.set()

    def set_problem(self, part: str, problem: str | None) -> None:
        """Set or clear (None) the problem of a part of the program."""
        with self._lock:
            if problem == self._problems.get(part):
                return
            # A changed text (another error after a retry) is not reported; the beginning and end
            # are.
            news = (problem is None) != (part not in self._problems)
            if problem is None:
                self._problems.pop(part, None)
            else:
                self._problems[part] = problem
            if news:
                self.changed.set()

    def telemetry(
        self,
        *,
        reason: str,
        model: ModelName | None,
        dropped: int,
        undelivered: int,
        drift: float | None = None,
        unnamed: Iterable[str] = (),
        answer: Answer | None = None,
    ) -> Telemetry:
        """The current message; for the reasons interval and change, rates are reset."""
        with self._lock:
            now = time.monotonic()
            if reason == LIVE:
                recent = [moment for moment in self._recent_frames if moment > now - _LIVE_SECONDS]
                fps = len(recent) / min(max(now - recent[0], 0.1), _LIVE_SECONDS) if recent else 0.0
                latencies = sorted(self._recent_latencies)
            else:
                fps = (self._frames - self._frames_before) / max(now - self._since, 1e-6)
                latencies = sorted(self._latencies)
                self._since, self._frames_before = now, self._frames
                self._latencies.clear()
            return Telemetry(
                answer=answer,
                thing=self._thing,
                observed_at=timestamp(datetime.now(UTC)),
                reason=reason,
                fps=fps,
                p50_ms=_quantile(latencies, 0.50),
                p99_ms=_quantile(latencies, 0.99),
                frames=self._frames,
                dropped=dropped,
                bad_frames=self._bad_frames,
                detections=self._detections,
                classes=dict(self._classes) or None,
                undelivered=undelivered,
                model=model,
                program=self._program or None,
                drift=drift,
                unnamed=", ".join(unnamed)[:500] or None,
                source=self._source,
                source_state=self._source_state,
                uptime_s=now - self._started,
                temperature_c=_temperature(),
                problem="; ".join(self._problems.values())[:1000] or None,
            )


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _temperature() -> float | None:
    """Degrees Celsius of the first thermal zone, if there is one."""
    try:
        return int(_TEMPERATURE.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
