# SPDX-License-Identifier: Apache-2.0
"""The command itself: it prints its address, and Ctrl-C saves what was labelled."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request


def environment():
    """As ``place`` set it, where the project can be imported from another folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def asked(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data)  # noqa: S310 - our own page
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def test_ctrl_c_saves_and_writes_no_manifest(place, tmp_path, sigint_arrives):
    place.put_dataset({"glass": 12, "paper": 12})
    place.capture(1)
    before = place.manifest()
    command = [sys.executable, "-m", "tools.label", "--environment", "dev", "--no-browser"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            for line in program.stdout:
                if found := re.match(r"http://127\.0\.0\.1:\d+/\S+", line):
                    break
            else:
                raise AssertionError("no address")
            address = found.group()
            key = asked(f"{address}state")["capture"]["key"]
            after = asked(f"{address}decide", {"key": key, "kind": "label", "class": "glass"})
            assert (after["left"], after["counts"]) == (0, {"label": 1})
            program.send_signal(signal.SIGINT)
            said = program.stdout.read()
            assert program.wait(30) == 0
        finally:
            program.kill()
    assert "1 label" in said
    assert "No manifest was written" in said
    assert place.manifest() == before
    assert place.in_captures() == []
    assert [one for one in place.in_dataset() if "glass/capture-" in one]


def test_an_environment_that_is_not_deployed_is_said(place, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "tools.label", "--environment", "nowhere"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "label: environment 'nowhere'" in ran.stderr
