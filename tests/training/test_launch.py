# SPDX-License-Identifier: Apache-2.0
"""Several GPUs and instances: the command line of each, and two processes that really learn."""

import json
import multiprocessing
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import TrainingArguments

from tests.training.learning import SETTINGS, learn, same
from training import sagemaker_job
from training.learning import distributed

pytestmark = pytest.mark.xdist_group("training")

HERE = [sys.executable, "-m"]


def test_one_machine_needs_no_launcher() -> None:
    line = distributed.command(["algo-1"], "algo-1", gpus=0, arguments=["--epochs=2"])
    assert line == [*HERE, "training.train", "--epochs=2"]
    assert distributed.command(["algo-1"], "algo-1", gpus=1, arguments=[])[2] == "training.train"


def test_several_gpus() -> None:
    line = distributed.command(["algo-1"], "algo-1", gpus=4, arguments=["--epochs=2"])
    launcher = ["torch.distributed.run", "--nnodes=1", "--nproc-per-node=4", "--standalone"]
    assert line == [*HERE, *launcher, "-m", "training.train", "--epochs=2"]
    assert (distributed.threads(gpus=4, cores=48), distributed.threads(gpus=0, cores=2)) == (12, 2)


@pytest.mark.parametrize(("current", "rank"), [("algo-1", 0), ("algo-2", 1), ("algo-3", 2)])
def test_several_instances_agree_on_who_leads(current: str, rank: int) -> None:
    """Whatever order each one is told: the hosts are sorted."""
    line = distributed.command(["algo-3", "algo-1", "algo-2"], current, gpus=0, arguments=[])
    assert line[3:-2] == [
        *("--nnodes=3", "--nproc-per-node=1", f"--node-rank={rank}"),
        *("--master-addr=algo-1", "--master-port=29500"),
    ]


def test_a_stranger_is_refused() -> None:
    with pytest.raises(sagemaker_job.StepError, match="current_host 'x' is not one of"):
        distributed.command(["algo-1", "algo-2"], "x", gpus=0, arguments=[])


def test_the_hosts_are_those_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert distributed.cluster() == (["localhost"], "localhost", "")
    path = tmp_path / "input" / "config" / "resourceconfig.json"
    path.parent.mkdir(parents=True)
    document = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
    path.write_text(json.dumps(document))
    assert distributed.cluster() == (["algo-1", "algo-2"], "algo-2", "")
    path.write_text(json.dumps({**document, "network_interface_name": "eth0"}))
    assert distributed.cluster() == (["algo-1", "algo-2"], "algo-2", "eth0")
    for wrong in ("{}", "[]", "nothing"):
        path.write_text(wrong)
        with pytest.raises(
            sagemaker_job.StepError, match=r"resourceconfig\.json: hosts and current_host"
        ):
            distributed.cluster()


def test_instances_find_each_other_by_the_interface_that_the_job_names() -> None:
    one = distributed.Cluster(["algo-1"], "algo-1", "eth0")
    assert distributed.network(one) == {}
    assert distributed.network(distributed.Cluster(["algo-1", "algo-2"], "algo-2", "eth0")) == {
        "GLOO_SOCKET_IFNAME": "eth0",
        "NCCL_SOCKET_IFNAME": "eth0",
        "NCCL_HOSTID": "algo-2",
    }


def test_gpus_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: T4 (UUID: a)'\necho 'GPU 1: T4 (UUID: b)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert distributed.gpus() == 2
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert distributed.gpus() == 0


def _process(rank: int, port: int, folder: Path) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    os.environ.update({key: str(value) for key, value in places.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.save(learn(folder / "kept", replace(SETTINGS, epochs=2)), folder / f"{rank}.pt")


def test_two_processes_come_to_the_same_weights(tmp_path: Path) -> None:
    """Over gloo, each with half of every batch."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_process, args=(rank, port, tmp_path)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        process.kill()
    assert [process.exitcode for process in processes] == [0, 0]
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert same(one, other)
    assert all(torch.isfinite(value).all() for value in one.values())
    # One of them saves, for both.
    assert len(list((tmp_path / "kept").glob("*-stage1-step*"))) == 2


def test_a_batch_must_divide_over_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingArguments, "world_size", 3)
    with pytest.raises(
        sagemaker_job.StepError, match="batch-size = 8 over 3 processes; allowed: a multiple"
    ):
        learn(None)
