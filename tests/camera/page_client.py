# SPDX-License-Identifier: Apache-2.0
"""Asks a camera's page as a browser does."""

import http.client
import re
import socket


def _address(program):
    found = re.search(r"//(.*):(\d+)/", program.page_url)
    assert found, program.page_url
    return found.groups()


def get(program, path, **headers):
    host, port = _address(program)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def frames_of(program, stream, count):
    """So many pictures of a stream."""
    host, port = _address(program)
    with socket.create_connection((host, int(port)), timeout=10) as viewer:
        viewer.sendall(f"GET {stream} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        reader = viewer.makefile("rb")
        while reader.readline().strip():
            pass
        pictures: list[bytes] = []
        while len(pictures) < count:
            line = reader.readline()
            assert line, "the stream ended"
            if line.lower().startswith(b"content-length:"):
                reader.readline()
                pictures.append(reader.read(int(line.split(b":")[1])))
        return pictures
