# SPDX-License-Identifier: Apache-2.0
"""Runs a command where every name that is looked up is written down: as root, on Linux.

``python watched.py RECORD COMMAND...``: the command gets a network namespace with a loopback that
all routes lead to, and a resolver that knows no name. RECORD gets one JSON object a line:
``{"name": ...}`` for each look-up, ``{"address": ...}`` for each packet that would have left the
machine without one. Exit status: the command's.
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
ETH_P_ALL = 3
_DESTINATION = {
    0x0800: (socket.AF_INET, slice(16, 20)),
    0x86DD: (socket.AF_INET6, slice(24, 40)),
}
"""Where a packet of IPv4 or IPv6 says where it goes."""
RESOLVER = "127.0.0.53"
"""Not 127.0.0.1: what the command itself serves may take the port there."""


class NotWatchedError(RuntimeError):
    """This machine gives no namespace; the message says why."""


def main() -> int:
    """Set the namespace up, record, run the command."""
    record, *command = sys.argv[1:]
    try:
        _enter()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"watched: no network namespace here: {error}", file=sys.stderr)
        return 125
    with Path(record).open("a", buffering=1, encoding="utf-8") as file:
        lock = threading.Lock()

        def note(**seen: str) -> None:
            with lock:
                file.write(json.dumps(seen) + "\n")

        _in_background(_answer_names, note)
        _in_background(_note_packets, note)
        return subprocess.run(command, check=False).returncode


def _enter() -> None:
    """A network of our own, and a resolv.conf that names our resolver."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(status: int) -> None:
        if status != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    check(libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.write(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n")
    target = os.path.realpath("/etc/resolv.conf")
    check(libc.mount(file.name.encode(), target.encode(), None, MS_BIND, None))
    for line in (
        "link set lo up",
        # Whatever is meant for elsewhere is seen on the loopback, and lost there.
        "route add default dev lo",
    ):
        subprocess.run(["ip", *line.split()], check=True, capture_output=True)


def _in_background(work, note) -> None:
    ready = threading.Event()
    threading.Thread(target=work, args=(note, ready), daemon=True).start()
    if not ready.wait(5):
        raise NotWatchedError(f"{work.__name__} did not begin")


def _answer_names(note, ready) -> None:
    """A resolver that knows no name: NXDOMAIN to everything, over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((RESOLVER, 53))
        ready.set()
        while True:
            query, client = server.recvfrom(4096)
            with contextlib.suppress(IndexError, UnicodeDecodeError, struct.error):
                note(name=_name_in(query))
                server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)


def _name_in(query: bytes) -> str:
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii"))
        at += length + 1
    return ".".join(labels)


def _note_packets(note, ready) -> None:
    """Whatever is sent to another machine."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as tap:
        tap.bind(("lo", ETH_P_ALL))
        ready.set()
        while True:
            packet, (_, protocol, kind, *_rest) = tap.recvfrom(65535)
            if kind == socket.PACKET_OUTGOING and protocol in _DESTINATION:
                family, part = _DESTINATION[protocol]
                address = ipaddress.ip_address(socket.inet_ntop(family, packet[part]))
                if not (address.is_loopback or address.is_multicast):
                    note(address=str(address))


if __name__ == "__main__":
    sys.exit(main())
