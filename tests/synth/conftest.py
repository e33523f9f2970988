# SPDX-License-Identifier: Apache-2.0
"""One synth of every environment for all tests here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.config import settings
from tests.synth.assembly_cache import synthesise

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = tuple(settings.names())
STACKS = ("Data", "Edge", "Insights", "Training")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="write tests/synth/snapshots anew"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that read the synth go to one worker, so that it is made once."""
    for item in items:
        if "assemblies" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("synth"))


@dataclass(frozen=True)
class Assemblies:
    """The cloud assemblies of all environments, as files."""

    folder: Path

    def template(self, environment: str, stack: str) -> dict[str, Any]:
        """A stack's template."""
        path = self.path(environment) / f"{stack}.template.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def resources(self, environment: str) -> dict[str, dict[str, Any]]:
        """All resources of an environment by ``<stack>/<logical id>``."""
        return {
            f"{stack}/{logical_id}": resource
            for stack in STACKS
            for logical_id, resource in self.template(environment, stack)["Resources"].items()
        }

    def of_type(self, environment: str, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of one type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources(environment).items()
            if resource["Type"] == kind
        }

    def path(self, environment: str) -> Path:
        """The environment's cloud assembly."""
        return self.folder / environment

    def findings(self, environment: str) -> dict[str, list[dict[str, str]]]:
        """What the packs find without acknowledgements (``found``), and ``acknowledged``."""
        text = (self.folder / "findings.json").read_text(encoding="utf-8")
        return dict(json.loads(text)[environment])


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Assemblies:
    """Every environment, synthesised once."""
    folder = tmp_path_factory.mktemp("synth")
    synthesise("tests.synth.synthesise", folder)
    return Assemblies(folder)
