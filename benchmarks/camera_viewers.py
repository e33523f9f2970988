# SPDX-License-Identifier: Apache-2.0
"""Viewers of the page in a process of their own, as they are in life."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_VIEWER = """
import selectors, socket, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chooser = selectors.DefaultSelector()
for number in range(count):
    viewer = socket.create_connection((host, port))
    stream = "device" if number % 2 else "project"
    viewer.sendall(f"GET /streams/{stream}.mjpeg HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n".encode())
    chooser.register(viewer, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in chooser.select():
        if not key.fileobj.recv(1 << 18):
            sys.exit()
"""


@contextmanager
def viewers(url: str, count: int) -> Iterator[None]:
    """So many viewers, half of each stream, as long as the block lasts."""
    if not count:
        yield
        return
    parts = urlsplit(url)
    process = subprocess.Popen(
        [sys.executable, "-c", _VIEWER, str(parts.hostname), str(parts.port), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is not None:
            process.stdout.readline()
        time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
