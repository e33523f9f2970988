# SPDX-License-Identifier: Apache-2.0
"""The content of the page's addresses, without HTTP."""

import base64
import hashlib
import json
import os
import re
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camera.messaging.detection_publisher import DetectionPublisher
from camera.messaging.outbox import Outbox
from camera.model.engine import Model
from camera.page.metrics import exposition, numbers
from camera.page.streams import Newest, ProjectStream
from camera.vision.drift import Drift
from camera.vision.jpeg import BadFrameError, encode, small_copy
from contracts.bins import Bin, as_text
from contracts.messages import Metric
from contracts.telemetry import Telemetry

_PAGE = Path(__file__).with_name("page.html")
_THUMBNAIL_ROWS = 90
_WAITING = Metric("binsight_detections_waiting", "gauge", "Detections that wait for the broker")
_VIEWERS = Metric("binsight_viewers", "gauge", "Viewers of the streams")
_MEMORY = Metric("process_resident_memory_bytes", "gauge", "Resident memory")
_PROCESSOR = Metric("process_cpu_seconds_total", "counter", "User and system time")
_WHOLE_FRAME = "the whole frame: this model was trained on whole photos only; train it again"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """The parts of a running camera that the page reads."""

    live: Callable[[], Telemetry]
    model: Callable[[], Model | None]
    outbox: Outbox
    reporter: DetectionPublisher
    drift: Drift


class Views:
    """Reads a running camera without changing it."""

    def __init__(self, inside: Inside, *, project: ProjectStream, device: Newest) -> None:
        self._inside = inside
        self.project = project.newest
        self.device = device
        self._project = project
        self.page = page_text(inside.reporter.bins.bins).encode()
        self.content_policy = _policy(self.page.decode())

    def state(self) -> dict[str, Any]:
        """Everything that the page shows."""
        inside = self._inside
        model, now = inside.model(), inside.live()
        return {
            **now.to_json(),
            "numbers": list(numbers(now)),
            "identify": self._project.identifying,
            "waiting": inside.outbox.waiting,
            "unsure_below": inside.reporter.bins.unsure_below,
            "default_bin": inside.reporter.bins.default,
            "drift": inside.drift.now or None,
            "viewers": self.project.viewers + self.device.viewers,
            "recent": [
                {**reported.detection.to_json(), "picture": reported.jpeg is not None}
                for reported in inside.reporter.recent
            ],
            "card": None
            if model is None
            else {
                "labels": list(model.card.labels),
                "input": f"{model.card.width} x {model.card.height}",
                "looks_at": _WHOLE_FRAME if model.cut is None else "the item",
                "digest": model.name.digest,
                "version": model.name.version,
                "metrics": dict(model.card.metrics),
                "calibration": dict(getattr(model.card, "calibration", {})),
                "frameworks": dict(model.card.frameworks),
                "created_from": dict(model.card.created_from),
            },
        }

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the camera works, and the reason if it does not."""
        now = self._inside.live()
        healthy = now.source_state == "streaming" and now.model is not None
        document = {"healthy": healthy, "source_state": now.source_state, "problem": now.problem}
        return healthy, {key: value for key, value in document.items() if value is not None}

    def metrics(self) -> bytes:
        """For Prometheus."""
        others = {
            _WAITING: self._inside.outbox.waiting,
            _VIEWERS: self.project.viewers + self.device.viewers,
            _MEMORY: _resident_bytes(),
            _PROCESSOR: sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
        }
        return exposition(self._inside.live(), others).encode()

    def thumbnail(self, sequence: int) -> bytes | None:
        """A small copy of the frame that decided a detection, if it is a recent one."""
        for reported in self._inside.reporter.recent:
            if reported.detection.sequence == sequence and reported.jpeg is not None:
                try:
                    return encode(small_copy(reported.jpeg, rows=_THUMBNAIL_ROWS), quality=75)
                except BadFrameError:
                    return None
        return None


def page_text(bins: Sequence[Bin]) -> str:
    """The page with the names and colours of the bins."""
    colours = "".join(
        f".bin{index}{{background:{as_text(each.colour)}}}" for index, each in enumerate(bins)
    )
    # In a script, </ would end it.
    names = json.dumps([each.name for each in bins])[1:-1].replace("<", "\\u003c")
    text = _PAGE.read_text(encoding="utf-8")
    return text.replace("/*bin colours*/", colours).replace("/*bin names*/", names)


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _policy(page: str) -> str:
    """Allow only the page's own style and script, by digest."""
    hashes = {
        kind: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        )
        for kind in ("style", "script")
    }
    return (
        "default-src 'none'; img-src 'self' data:; connect-src 'self';"
        f" style-src {hashes['style']}; script-src {hashes['script']};"
        " base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
