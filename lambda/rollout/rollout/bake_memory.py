# SPDX-License-Identifier: Apache-2.0
"""The state that one look at the canaries passes to the next."""

import json
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Memory:
    """``since``: the time of the first look."""

    since: datetime
    looked_at: datetime | None = None
    suspects: tuple[str, ...] = ()
    """Such as camera-1/ERRORED."""

    heard: bool = False
    """Whether any canary has sent telemetry since it got the model."""

    def text(self) -> str:
        looked_at = self.looked_at.isoformat() if self.looked_at else None
        times = {"since": self.since.isoformat(), "looked_at": looked_at}
        kept = {"suspects": self.suspects, "heard": self.heard}
        return json.dumps({**times, **kept})

    @classmethod
    def read(cls, text: str | None, now: datetime) -> "Memory":
        if text is None:
            return cls(since=now)
        kept = json.loads(text)
        looked_at = kept["looked_at"]
        return cls(
            since=datetime.fromisoformat(kept["since"]),
            looked_at=datetime.fromisoformat(looked_at) if looked_at else None,
            suspects=tuple(kept["suspects"]),
            heard=kept["heard"],
        )
