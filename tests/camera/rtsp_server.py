# SPDX-License-Identifier: Apache-2.0
"""A network camera: RTSP with JPEG over RTP (RFC 2326, RFC 2435), as much as a client needs."""

import base64
import socket
import struct
import threading
import time
from collections.abc import Sequence

_CHUNK = 1300
_PAYLOAD_TYPE = 26


class RtspCamera:
    """Shows ``frames`` in turn to whoever connects, ``fps`` a second, until ``close``.

    Frames must be baseline JPEGs with colours at half width and height (``420``) and the standard
    Huffman tables. With ``user`` and ``password`` it asks for them.
    """

    def __init__(
        self, frames: Sequence[bytes], *, fps: float = 30, user: str = "", password: str = ""
    ) -> None:
        self._frames = [_parts(jpeg) for jpeg in frames]
        self._fps = fps
        given = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"Basic {given}" if user else ""
        self._server = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.getsockname()[1]}/live"

    def hang_up(self) -> None:
        """End every stream, as a camera does that loses its power for a moment."""
        for connection in self._connections:
            connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def close(self) -> None:
        self._stop.set()
        self._server.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while request := lines.readline().decode():
                    headers = {}
                    while line := lines.readline().decode().strip():
                        name, _, value = line.partition(":")
                        headers[name.lower()] = value.strip()
                    self._answer(connection, request.split()[0], headers)
        except OSError:
            pass

    def _answer(self, connection: socket.socket, method: str, headers: dict[str, str]) -> None:
        status, extra, body = "200 OK", "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif self._wanted and headers.get("authorization") != self._wanted:
            status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n'
        elif method == "DESCRIBE":
            body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
            body += f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}\r\na=control:1\r\n"
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\n"
        connection.sendall(
            f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}\r\n{body}".encode()
        )
        if method == "PLAY":
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        sequence, number = 0, 0
        try:
            while not self._stop.wait(1 / self._fps):
                moment = int(time.monotonic() * 90_000) & 0xFFFFFFFF
                width, height, tables, scan = self._frames[number % len(self._frames)]
                number += 1
                for start in range(0, len(scan), _CHUNK):
                    part = scan[start : start + _CHUNK]
                    head = struct.pack(">IBBBB", start, 1, 255, width // 8, height // 8)
                    if not start:
                        head += struct.pack(">BBH", 0, 0, len(tables)) + tables
                    last = 0x80 if start + _CHUNK >= len(scan) else 0
                    rtp = struct.pack(
                        ">BBHII", 0x80, last | _PAYLOAD_TYPE, sequence & 0xFFFF, moment, 7
                    )
                    sequence += 1
                    packet = rtp + head + part
                    connection.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
        except OSError:
            pass


def _parts(jpeg: bytes) -> tuple[int, int, bytes, bytes]:
    """Width, height, quantisation tables and entropy-coded data of a JPEG."""
    at, tables, width, height = 2, b"", 0, 0
    while True:
        marker, length = struct.unpack_from(">HH", jpeg, at)
        if marker == 0xFFDB:
            content = jpeg[at + 4 : at + 2 + length]
            tables += b"".join(content[n + 1 : n + 65] for n in range(0, len(content), 65))
        elif marker == 0xFFC0:
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
        elif marker == 0xFFDA:
            return width, height, tables, jpeg[at + 2 + length : -2]
        at += 2 + length
