# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping: a taken port, a dead parent, a clean end, the environment of clients."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from edge_testing.helpers import alive
from ministack_edge import ministack_patches
from ministack_edge.pid_file import stop_kept
from ministack_edge.process import LocalAws, LocalAwsError, free_port

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-process")

PACKAGE = Path(__file__).resolve().parents[1]


def test_a_taken_port_is_named_with_a_way_out(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(LocalAwsError, match=rf"port {port} .*taken.*another port"):
            LocalAws(port=port, work=tmp_path).start()
    assert not (tmp_path / "local-aws.pid").exists()


def test_a_server_that_cannot_start_shows_why(aws, tmp_path, monkeypatch):
    unlucky = LocalAws(port=aws.port, work=tmp_path)
    # The other server took the port between the check and the start, and answers there.
    monkeypatch.setattr(unlucky, "check_port", lambda: None)
    with pytest.raises(LocalAwsError, match="ended at its start"):
        unlucky.start()


def test_the_server_ends_when_its_parent_is_killed(tmp_path, until):
    script = (
        "import sys; from pathlib import Path;"
        "from ministack_edge.process import LocalAws, free_port;"
        "LocalAws(port=free_port(), work=Path(sys.argv[1])).start();"
        "print('up', flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=PACKAGE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    server = int((tmp_path / "local-aws.pid").read_text())
    assert alive(server)

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    until(lambda: not alive(server), what="end of the orphaned server")


def test_stop_ends_the_server_and_can_be_repeated(tmp_path, until):
    running = LocalAws(port=free_port(), work=tmp_path).start()
    pid = int(running.pid_file.read_text())
    with pytest.raises(LocalAwsError, match="already runs"):
        running.start()
    running.stop()
    running.stop()
    assert not alive(pid)
    assert not running.pid_file.exists()
    assert not running.running


def test_the_server_listens_on_this_machine_only(aws):
    with urllib.request.urlopen(f"{aws.endpoint}/_edge/differences") as reply:  # noqa: S310
        assert b"Service control policies are not supported" in reply.read()
    for port in (aws.port, aws.mqtt_port):
        with socket.socket() as other, pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", port))


def test_clients_get_nothing_of_the_persons_own_settings(aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = aws.client_environment(account="222222222222", region="eu-west-1")
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint
    assert environment["AWS_ACCESS_KEY_ID"] == "222222222222"
    assert environment["CDK_HOME"].startswith(str(aws.work))
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(environment)
    with pytest.raises(LocalAwsError, match="12-digit"):
        aws.client_environment(account="me", region="eu-west-1")


def test_another_version_of_ministack_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(ministack_patches, "version", lambda _name: "9.9.9")
    monkeypatch.setitem(ministack_patches.REQUIRED_NAMES, "ministack.app", ("gone",))
    with pytest.raises(
        ministack_patches.IncompatibleMinistackError, match=r"1\.5\.33.*9\.9\.9.*app\.gone"
    ):
        ministack_patches.verify()


def test_a_server_that_was_left_up_is_ended_by_its_folder(tmp_path):
    assert stop_kept(tmp_path) == f"No local AWS was left up in {tmp_path}."
    running = LocalAws(port=free_port(), work=tmp_path, lifeline=False).start()
    pid = int(running.pid_file.read_text())
    running.detach()
    running.stop()
    assert alive(pid)

    assert "has ended" in stop_kept(tmp_path)

    assert not alive(pid)
    assert not (tmp_path / "local-aws.pid").exists()


def test_a_pid_file_of_another_program_harms_nobody(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1)
    try:
        (tmp_path / "local-aws.pid").write_text(f"{other.pid}\n")
        stop_kept(tmp_path)
        assert other.poll() is None
        assert not (tmp_path / "local-aws.pid").exists()
    finally:
        other.kill()
        other.communicate()
