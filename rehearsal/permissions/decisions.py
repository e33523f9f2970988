# SPDX-License-Identifier: Apache-2.0
"""The decisions of one rehearsal: which permissions were exercised, and what was refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.permissions.coverage import (
    Coverage,
    Exercised,
    Refusal,
    cover,
    deployed_pairs,
    explanations,
)
from rehearsal.permissions.page import as_document, read_record, union


@dataclass
class Decisions:
    """A local AWS's decisions, and the permissions of the environment's roles."""

    aws: LocalAws
    work: Path
    """The rehearsal's folder, which keeps the decisions and policies."""
    _roles: dict[str, str] = field(default_factory=dict)

    def note_policies(self, cloud: Cloud) -> None:
        """Keep the names of the deployed roles, and every policy as it is now."""
        self._roles = cloud.role_names()
        policies = json.dumps(cloud.policies(), indent=1)
        (self.work / "policies.json").write_text(f"{policies}\n", encoding="utf-8")

    def cover(self) -> Coverage | None:
        """Compare what is granted with what was exercised; None if there were no decisions."""
        if not self.aws.permissions.exists():
            return None
        exercised = Exercised.read(self.aws.permissions, self._roles)
        for name in ("permissions.jsonl", "requests.jsonl"):
            shutil.copy(self.aws.permissions.with_name(name), self.work / name)
        document = json.dumps(as_document(exercised), indent=1)
        (self.work / "exercised.json").write_text(f"{document}\n", encoding="utf-8")
        return cover(
            deployed_pairs(self.work / "assembly"),
            exercised,
            explanations(),
            record=union(read_record().values()),
        )

    def require_no_refusal(
        self, *, expected: Callable[[Refusal], bool] = lambda _refusal: False
    ) -> None:
        """Raise RehearsalError if a call was refused, which would be an error on AWS.

        ``expected`` selects intended refusals.
        """
        found = Exercised.read(self.aws.permissions, self._roles).refused
        refused = [one for one in found if not expected(one)]
        if refused:
            lines = "\n".join(f"  {refusal}" for refusal in dict.fromkeys(refused))
            raise RehearsalError(f"{len(refused)} calls were refused:\n{lines}")
