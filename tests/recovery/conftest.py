# SPDX-License-Identifier: Apache-2.0
"""One local AWS with prod's exact templates for the tests of this folder, which build on it."""

from collections.abc import Iterator

import pytest

from ministack_edge.process import LocalAws, free_port
from tests.environments.copies import ORIGINAL, Copy, synthesise
from tests.recovery.production import Production

PROD = Copy(name="prod", account="444444444444", region="eu-west-1", prefix="binsight-prod")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker, in the order of the files: they share the account."""
    for item in items:
        if "production" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("recovery"))


@pytest.fixture(scope="package")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The account, bootstrapped and empty."""
    work = tmp_path_factory.mktemp("recovery")
    files = work / "files"
    files.mkdir()
    text = (ORIGINAL.parent / "prod.toml").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("account = ")]
    own = text.replace(line, f'account = "{PROD.account}"')
    (files / "prod.toml").write_text(own, encoding="utf-8")
    synthesise(files, work / "assemblies")
    with LocalAws(port=free_port(), work=work / "local-aws") as aws:
        found = Production(aws, [PROD], work / "assemblies", work)
        found.bootstrap()
        yield found


@pytest.fixture(scope="package")
def deployed(production: Production) -> Production:
    """All four stacks, deployed."""
    production.deploy()
    return production


@pytest.fixture(scope="package")
def destroyed(deployed: Production) -> Production:
    """Nothing but what a destroy keeps; a test that has destroyed it already loses nothing."""
    deployed.unprotect()
    deployed.destroy()
    return deployed
