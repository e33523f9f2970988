# SPDX-License-Identifier: Apache-2.0
"""The stages of `make rehearse LOOP=class`, between the first model's photos and the end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.aws_client import Cloud
from rehearsal.commands import Operator
from rehearsal.labelling import label_captures
from rehearsal.loop import Captured, Learned, Unknown, show_unknown
from rehearsal.playback import Playback
from rehearsal.progress import Stages


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What the loop needs. ``execution`` is the pipeline's first one.

    ``roll_out`` approves and rolls out what was trained last and returns what was measured of it.
    """

    cloud: Cloud
    outputs: dict[str, str]
    operator: Operator
    stages: Stages
    playback: Playback
    execution: str
    timeout: float
    roll_out: Callable[[], dict[str, object]]

    def learn(self, unknown: Unknown) -> Learned:
        """Capture, label, train, approve, roll out, sort. Raises RehearsalError."""
        name, stages = unknown.class_name, self.stages
        captured = Captured(cloud=self.cloud, bucket=self.outputs["CapturesBucket"])
        with stages.stage("unknown kind", f"{len(unknown.shown)} items of {name}, never seen"):
            rows, keys = show_unknown(self.playback, unknown, captured, progress=stages.progress)
            stages.news(f"{len(keys)} of {len(rows)} were kept as captures")
        with stages.stage("label", "by a script, over the page of `make label`"):
            labelled = label_captures(
                self.operator, class_name=name, keys=keys, progress=stages.progress
            )
            stages.news(", ".join(f"{count} {kind}" for kind, count in labelled.items()))
        with stages.stage("train again", "the new manifest starts the pipeline"):
            execution = self.cloud.pipeline_execution(
                self.outputs["PipelineName"], after=self.execution
            )
            self.cloud.watch_pipeline(execution, news=stages.news, timeout=self.timeout)
        measured = self.roll_out()
        with stages.stage("sort the new kind", f"{len(unknown.tested)} items not shown before"):
            after = self.playback.show(
                [(photo, name) for photo in unknown.tested], progress=stages.progress
            )
        return Learned(
            class_name=name,
            shown=len(rows),
            taken_for=dict(Counter(row.class_name for row in rows)),
            captures=len(keys),
            labelled=labelled,
            old_photos=_found(measured, "old_photos"),
            new_photos=_found(measured, "new_photos"),
            sorted_right=sum(row.class_name == name for row in after),
            sorted=len(after),
        )


def _found(measured: dict[str, object], name: str) -> dict[str, object]:
    found = measured.get(name)
    return found if isinstance(found, dict) else {}
