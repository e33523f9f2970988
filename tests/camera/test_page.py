# SPDX-License-Identifier: Apache-2.0
"""The page over real HTTP: who may look, what it says, and that nobody slows the loop."""

import json
import re
import socket
import time
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from camera.page import bitmap_font
from camera.page.access import Access
from contracts.bins import BinPolicy
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.page_client import frames_of, get
from tests.camera.test_program import install


@pytest.fixture
def camera(settings, publisher, models, lens):
    """A running camera with a page, and one item seen."""
    install(settings, *models["good"])
    page = Access.from_settings("127.0.0.1:0")
    uri = f"dir:{lens}?follow=1&fps=100"
    show(lens, "1.jpg", tiny.photo("glass", width=640, height=360))
    with running(replace(settings, page=page, source=uri), publisher) as program:
        wait_for(lambda: program.page_url)
        wait_for(lambda: publisher.of("detections"))
        yield program


def test_the_page_is_one_file_that_allows_nothing_from_elsewhere(camera):
    answer, content = get(camera, "/")
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy
    assert not re.search(rb"(https?:)?//[a-z]", content.replace(b"// ", b""))
    assert get(camera, "/nothing")[0].status == 404


def test_the_state_has_numbers_items_and_the_model_card(camera):
    answer, content = get(camera, "/api/state")
    state = json.loads(content)
    assert answer.headers["Cache-Control"] == "no-store"
    assert state["thing"] == "cam-1"
    assert state["source_state"] == "streaming"
    assert state["fps"] > 1
    assert state["recent"][0]["class"] == "glass"
    assert state["card"]["labels"] == list(tiny.LABELS)
    assert state["card"]["looks_at"].startswith("the whole frame: this model was trained on whole")
    picture = get(camera, f"/thumbnails/{state['recent'][0]['sequence']}.jpg")[1]
    assert 45 <= simplejpeg.decode_jpeg_header(picture)[0] <= 180
    assert get(camera, "/thumbnails/999.jpg")[0].status == 404
    assert get(camera, "/thumbnails/..%2F.jpg")[0].status == 404


def test_health_says_why_not(camera, lens):
    assert get(camera, "/healthz")[0].status == 200
    lens.rename(lens.with_name("away"))
    wait_for(lambda: get(camera, "/healthz")[0].status == 503)
    assert "No such file" in json.loads(get(camera, "/healthz")[1])["problem"]
    lens.with_name("away").rename(lens)


def test_metrics_are_prometheus_text(camera):
    answer, content = get(camera, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = content.decode().splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(samples["binsight_detections_total"]) == 1
    assert float(samples["binsight_streaming"]) == 1
    assert float(samples["process_resident_memory_bytes"]) > 1e6
    assert any(name.startswith("binsight_model_info{version=") for name in samples)
    for line in lines:
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{.*\})? -?[\d.e+-]+", line), line


def test_looking_does_not_begin_telemetry_s_rates_anew(camera, publisher):
    wait_for(lambda: get(camera, "/api/state") and publisher.state.get("reason") == "interval")
    assert publisher.state["fps"] > 1


def test_the_device_stream_is_the_camera_s_own_bytes(camera, lens):
    photo = tiny.photo("paper", width=640, height=360, seed=5)
    empty = tiny.empty(width=64, height=48)
    show(lens, "2.jpg", photo)
    shown = frames_of(camera, "/streams/device.mjpeg", 12)
    assert set(shown) <= {photo, tiny.photo("glass", width=640, height=360), empty}


def test_the_project_stream_names_what_it_sees(settings, publisher, models, lens):
    install(settings, *models["good"])
    uri = f"dir:{lens}?hold=10000&fps=50"
    show(lens, "1.jpg", tiny.photo("glass", width=640, height=360))
    page = Access.from_settings("127.0.0.1:0")
    with running(replace(settings, page=page, source=uri), publisher) as program:
        wait_for(lambda: publisher.of("detections"))
        wait_for(lambda: program.page_url)
        picture = simplejpeg.decode_jpeg(frames_of(program, "/streams/project.mjpeg", 4)[-1])
        assert np.abs(picture[-3, 100].astype(int) - BinPolicy({}).colour("recycling")).max() < 12
        assert (picture[-24:] > 230).all(axis=2).mean() > 0.02
        untouched = simplejpeg.decode_jpeg(frames_of(program, "/streams/device.mjpeg", 1)[0])
        assert np.abs(untouched[-3, 100].astype(int) - 128).max() < 20


def test_a_viewer_that_never_reads_slows_nothing(camera, lens):
    host, port = re.search(r"//(.*):(\d+)/", camera.page_url).groups()
    lazy = [socket.create_connection((host, int(port))) for _ in range(10)]
    for viewer in lazy:
        viewer.sendall(b"GET /streams/device.mjpeg HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    wait_for(lambda: camera.device.viewers == 10)
    before, began = camera.live().frames, time.monotonic()
    time.sleep(1)
    rate = (camera.live().frames - before) / (time.monotonic() - began)
    assert rate > 20
    for viewer in lazy:
        viewer.close()
    wait_for(lambda: camera.device.viewers == 0)


def test_too_many_connections_are_turned_away_and_later_ones_are_not(camera):
    host, port = re.search(r"//(.*):(\d+)/", camera.page_url).groups()
    held = [socket.create_connection((host, int(port))) for _ in range(45)]
    time.sleep(0.2)
    for each in held:
        each.close()
    assert wait_for(lambda: get(camera, "/healthz")[0].status == 200)


def test_another_site_s_name_for_loopback_is_refused(camera):
    assert get(camera, "/api/state", Host="evil.example:80")[0].status == 403
    assert get(camera, "/api/state", Host="localhost:8080")[0].status == 200


def test_a_port_that_is_taken_is_told_and_ends_nothing(settings, publisher, free_port):
    with socket.create_server(("127.0.0.1", free_port)):
        page = Access.from_settings(f"127.0.0.1:{free_port}")
        with running(replace(settings, page=page), publisher):
            found = wait_for(lambda: "in use" in str(publisher.state.get("problem", "")))
    assert found


def test_every_letter_of_a_class_name_can_be_drawn():
    assert bitmap_font.line("Glass > recycling? 97%").shape == (7, 6 * 22)
    assert (bitmap_font.line("é") == bitmap_font.line("E")).all()
    assert (bitmap_font.line("中") == bitmap_font.line("?")).all()
    assert (
        len(
            {
                bitmap_font.line(letter).tobytes()
                for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
            }
        )
        == 36
    )
