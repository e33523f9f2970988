# SPDX-License-Identifier: Apache-2.0
"""Signal handlers of every program: they take no lock, and bursts of signals end the program."""

import ast
import collections
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED_CALLS = {"signal.signal", "sys.exit"}
"""None of these takes a lock that the interrupted code may hold."""


def sources():
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    return [
        name
        for name in listed
        if name and not name.startswith(("tests/", "benchmarks/")) and "/tests/" not in name
    ]


def handlers(tree):
    """Each function of a module that is passed to ``signal.signal``, with those that it calls."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    waiting = [
        node.args[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "signal.signal"
    ]
    found = {}
    while waiting:
        expression = waiting.pop()
        name = getattr(expression, "attr", getattr(expression, "id", ""))
        if name in functions and name not in found:
            found[name] = functions[name]
            waiting += [n.func for n in ast.walk(functions[name]) if isinstance(n, ast.Call)]
    return found


def test_handlers_call_nothing_that_takes_a_lock():
    checked = collections.Counter()
    for name in sources():
        text = (ROOT / name).read_text(encoding="utf-8")
        if "signal.signal(" not in text:
            continue
        tree = ast.parse(text)
        for function, node in handlers(tree).items():
            local = set(handlers(tree))
            for call in ast.walk(node):
                if isinstance(call, ast.Call):
                    called = ast.unparse(call.func)
                    assert called in ALLOWED_CALLS | local, f"{name}: {function} calls {called}"
            checked[name] += 1
    assert {"lambda/inference/camera/signals.py", "contracts/stop_signals.py"} <= set(checked)
    assert len(checked) >= 6


MAY_RAISE = {
    "contracts/stop_signals.py": "sends a signal again that had no effect",
    "rehearsal/simulated_core/lambda_runtime.py": "waits a second at most, then looks at its flag",
    "packages/template-review/src/template_review/__main__.py": "waits for what ends by itself",
}
"""Programs whose handler raises, and why they cannot lose a signal."""


def test_no_other_handler_ends_a_program_by_raising():
    """Python calls a handler late, or ignores its exception: that alone loses signals."""
    found = set()
    for name in sources():
        text = (ROOT / name).read_text(encoding="utf-8")
        if "signal.signal(" in text:
            nodes = [n for f in handlers(ast.parse(text)).values() for n in ast.walk(f)]
            calls = [ast.unparse(n.func) for n in nodes if isinstance(n, ast.Call)]
            if "sys.exit" in calls or any(isinstance(n, ast.Raise) for n in nodes):
                found.add(name)
    assert found == set(MAY_RAISE)


def test_the_check_sees_what_hung():
    """The handler that made `make camera` hang: ``signal.signal(number, lambda: event.set())``."""
    tree = ast.parse(
        "def stop(number, frame):\n    event.set()\nsignal.signal(signal.SIGTERM, stop)\n"
    )
    calls = [ast.unparse(n.func) for n in ast.walk(handlers(tree)["stop"]) if hasattr(n, "func")]
    assert calls == ["event.set"]


JOB = """
import time
from training.sagemaker_job import run
def step():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.2)
        print("cleaned up", flush=True)
run(step)
"""
REHEARSAL = """
import sys, time
from rehearsal.interruption import interrupted_once
interrupted_once()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.2)
    print("cleaned up", flush=True)
    sys.exit(130)
"""
CORE = """
import pathlib, runpy, sys
pathlib.Path(sys.argv[1], "program.py").write_text("def main(): pass\\nprint('ready', flush=True)")
sys.argv = ["lambda_runtime.py", sys.argv[1], "program.main"]
import rehearsal.simulated_core.lambda_runtime as runtime
runtime.main()
"""
WATCHDOG = """
import sys
from ministack_edge.parent_watchdog import main
child = "import time; print('ready', flush=True); time.sleep(1); print('cleaned up', flush=True)"
sys.exit(main([sys.executable, "-c", child]))
"""
ADOPT = """
import hashlib, pathlib, sys
sys.path.insert(0, "lambda/rollout")
from rollout import adopt
folder = pathlib.Path(sys.argv[1])
(folder / "model.tar.gz").write_bytes(b"m")
arguments = ["--archive", str(folder / "model.tar.gz"), "--folder", str(folder / "models")]
def waiting(*given, **more):
    print("ready", flush=True)
    return wait(*given, **more)
wait, adopt._wait = adopt._wait, waiting
status = adopt.main([*arguments, "--digest", hashlib.sha256(b"m").hexdigest()])
assert list((folder / "models/incoming").iterdir()) == []
sys.exit(status)
"""


INTERRUPTS_NOTHING = """
import signal, threading, time
def send():
    time.sleep(0.5)
    # The process has the signal, but its main thread goes on waiting: as when the signal arrives
    # just before a wait.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Thread(target=send, daemon=True).start()
"""
RAISES_FOR_NOBODY = """
import os, signal
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
Last()
"""


@pytest.mark.parametrize("loses", [INTERRUPTS_NOTHING, RAISES_FOR_NOBODY], ids=["wait", "del"])
@pytest.mark.parametrize(
    ("program", "status"),
    [
        pytest.param(JOB, 143, id="training job"),
        pytest.param(REHEARSAL, 130, id="rehearsal"),
        pytest.param(CORE, 0, id="simulated core's Lambda"),
    ],
)
def test_a_signal_that_python_loses_ends_the_program(program, status, loses, tmp_path):
    (tmp_path / "losing.py").write_text(loses)
    losing = re.sub(r"print\((?=['\"]ready)", "import losing; print(", program)
    done = subprocess.run(
        [sys.executable, "-c", losing, str(tmp_path)],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == status, done.stderr
    assert ("cleaned up" in done.stdout) == ("cleaned up" in program)


@pytest.mark.parametrize(
    ("program", "statuses", "says"),
    [
        pytest.param(JOB, {130, 143}, "cleaned up", id="training job"),
        pytest.param(REHEARSAL, {130}, "cleaned up", id="rehearsal"),
        pytest.param(CORE, {0}, "", id="simulated core's Lambda"),
        pytest.param(WATCHDOG, {0}, "cleaned up", id="watchdog"),
        pytest.param(ADOPT, {2}, "request withdrawn", id="adoption of a model"),
    ],
)
def test_a_burst_of_signals_ends_the_program_once(program, statuses, says, tmp_path):
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'packages/ministack-edge/src'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the watchdog ends its whole group
            text=True,
            # A shell's background job ignores SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        assert process.stdout.readline() == "ready\n"
        for number in range(30):
            process.send_signal((signal.SIGINT, signal.SIGTERM)[number % 2])
        try:
            process.wait(timeout=20)
        finally:
            process.kill()
        # Not communicate(): it closes stdin, which tells the watchdog that its parent is gone.
        output = process.stdout.read()
        process.stdout.close()
        process.stdin.close()
        assert process.returncode in statuses, output
        assert says in output
        assert "Traceback" not in output
        assert "ignored" not in output
