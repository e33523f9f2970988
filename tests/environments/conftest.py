# SPDX-License-Identifier: Apache-2.0
"""Copies of the dev environment, all live on one local AWS for the tests of this folder."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ministack_edge.process import LocalAws
from tests.environments.copies import COPIES, synthesise, write
from tests.environments.deployed import Deployed


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """All copies, bootstrapped and deployed; the last test of the folder destroys them."""
    work: Path = tmp_path_factory.mktemp("environments")
    write(work / "files", COPIES)
    synthesise(work / "files", work / "assemblies")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with LocalAws(port=port, work=work / "local-aws") as aws:
        found = Deployed(aws, COPIES, work / "assemblies", work)
        found.bootstrap()
        assert found.deploy() == {copy.name: 4 for copy in COPIES}
        yield found
