# SPDX-License-Identifier: Apache-2.0
"""Detections on disk: kills, full and damaged disks, long absences of the broker."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from camera.backoff import Backoff
from camera.messaging import outbox as outbox_module
from camera.messaging.outbox import Outbox
from camera.messaging.publishers import PublishError
from camera.messaging.sqlite_queue import Message, SqliteQueue
from tests.camera.conftest import wait_for

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("BINSIGHT_KILLS", "8"))
"""50 in the long form; `python -m benchmarks.camera kills` sets it."""
CHILD = """
import os, sys, threading
from pathlib import Path
from camera.messaging.outbox import Outbox
from camera.messaging.sqlite_queue import Message
from camera.messaging.sequence import Sequence
folder = Path(sys.argv[1])
numbers = Sequence(folder / "sequence")

class Publisher:
    def publish(self, topic, payload):
        os.write(1, b"delivered %s\\n" % payload)

outbox = Outbox(Publisher(), topic="t", path=folder / "queue", size=1000)
stop = threading.Event()
for part in (outbox.run_disk, outbox.run):
    threading.Thread(target=part, args=(stop,), daemon=True).start()
while True:
    number = numbers.take()
    outbox.put(Message(number, str(number).encode()))
    outbox.flush(timeout=60)
    os.write(1, b"kept %d\\n" % number)
"""


class Broker:
    """Takes messages while it is there."""

    def __init__(self):
        self.away, self.taken = False, []

    def publish(self, topic, payload):
        if self.away:
            raise PublishError("away")
        self.taken.append(int(payload))


def message(number):
    return Message(number, str(number).encode())


@pytest.fixture
def run(monkeypatch):
    """Run an outbox until ``end`` or the test's end."""
    monkeypatch.setattr(
        outbox_module, "Backoff", lambda **_: Backoff(first=0.01, longest=0.05, spread=True)
    )
    monkeypatch.setattr(outbox_module, "_DISK_DELAY", 0.05)
    running = []

    def start(outbox):
        stop = threading.Event()
        threads = [
            threading.Thread(target=part, args=(stop,), daemon=True)
            for part in (outbox.run_disk, outbox.run)
        ]
        for thread in threads:
            thread.start()

        def end():
            stop.set()
            for thread in threads:
                thread.join(timeout=5)

        running.append(end)
        return end

    yield start
    for end in running:
        end()


def test_a_kill_at_any_moment_loses_nothing_that_was_kept_and_keeps_the_order(tmp_path):
    moments = np.random.default_rng(3)
    kept, delivered = [], []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(ROOT / "lambda/inference"), str(ROOT)]),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.2))
        process.kill()
        lines = (first + process.stdout.read()).split("\n")[:-1]
        process.wait()
        process.stdout.close()
        for word, number in (line.split() for line in lines):
            (kept if word == "kept" else delivered).append(int(number))
    left = SqliteQueue(tmp_path / "queue", size=1000)
    while (rest := left.first()) is not None:
        delivered.append(rest.sequence)
        left.remove(rest.sequence)
    assert len(kept) > 10
    assert set(kept) <= set(delivered)
    # What a kill between sending and forgetting sends again has the same number.
    once = list(dict.fromkeys(delivered))
    assert once == sorted(once)
    assert len(delivered) - len(once) <= KILLS


def test_what_waits_is_sent_after_a_restart_before_what_is_new(tmp_path, run):
    broker = Broker()
    broker.away = True
    first = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    end = run(first)
    for number in range(1, 6):
        first.put(message(number))
    assert first.flush(timeout=5)
    assert first.undelivered == 5
    end()
    broker.away = False
    second = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    second.put(message(6))
    run(second)
    wait_for(lambda: len(broker.taken) == 6)
    assert broker.taken == [1, 2, 3, 4, 5, 6]
    assert second.drain(timeout=5)


def test_a_broker_away_for_a_day_costs_only_what_does_not_fit(tmp_path, run):
    """A bin that sorts an item every 30 s makes 2,880 in a day; here 600 into room for 500."""
    broker = Broker()
    broker.away = True
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=500)
    end = run(outbox)
    for number in range(600):
        outbox.put(message(number))
    assert outbox.flush(timeout=60)
    assert outbox.waiting == 500
    assert outbox.undelivered == 600
    end()
    broker.away = False
    again = Outbox(broker, topic="t", path=tmp_path / "queue", size=500)
    run(again)
    assert wait_for(lambda: len(broker.taken) == 500)
    assert broker.taken == list(range(100, 600))


def test_a_full_disk_keeps_what_is_new_in_memory_and_sends_it_in_order(tmp_path, run, monkeypatch):
    opened, room = SqliteQueue._open, [8]

    def small(self):
        database = opened(self)
        database.execute(f"PRAGMA max_page_count = {room[0]}")
        return database

    monkeypatch.setattr(SqliteQueue, "_open", small)
    broker = Broker()
    broker.away = True
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    run(outbox)
    for number in range(40):
        outbox.put(Message(number, str(number).ljust(800).encode()))
    problem = wait_for(lambda: outbox.disk_problem)
    assert "detections are kept in memory only" in problem
    assert "full" in problem
    assert outbox.waiting == 40
    broker.away = False
    wait_for(lambda: len(broker.taken) >= 40)
    assert broker.taken == list(range(40))
    room[0] = 1000
    outbox.put(message(40))
    wait_for(lambda: len(broker.taken) == 41)
    wait_for(lambda: outbox.disk_problem is None)
    assert outbox.undelivered == 0


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_what_waits_on_a_disk_that_cannot_be_read_is_not_given_up(
    tmp_path, run, monkeypatch, restarted
):
    """A database that was closed cannot be opened again on a full disk."""
    broker = Broker()
    broker.away = True
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    end = run(outbox)
    for number in range(3):
        outbox.put(message(number))
    assert outbox.flush(timeout=10)
    with monkeypatch.context() as full:

        def refuse(_self):
            raise sqlite3.OperationalError("database or disk is full")

        full.setattr(SqliteQueue, "_open", refuse)
        outbox._file.close()
        if restarted:
            end()
            outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
            run(outbox)
        wait_for(lambda: outbox.disk_problem)
        broker.away = False
        for number in range(3, 6):
            outbox.put(message(number))
        wait_for(lambda: len(broker.taken) == 3)
        assert broker.taken == [3, 4, 5]
    wait_for(lambda: len(broker.taken) == 6)
    assert broker.taken == [3, 4, 5, 0, 1, 2]
    wait_for(lambda: outbox.disk_problem is None)
    assert outbox.undelivered == 0


def test_what_was_sent_out_of_turn_and_written_meanwhile_takes_none_of_the_older_with_it(
    tmp_path, run, monkeypatch
):
    """Seen in a fleet whose disk was full: 15 of 19,573 items, when the disk was well again."""
    queue = SqliteQueue(tmp_path / "queue", size=10)
    for number in (1, 2):
        queue.add(message(number))
    queue.close()
    sending, written = threading.Event(), threading.Event()
    read, write = SqliteQueue.first, SqliteQueue.add

    def first(self, *, after=-1):
        if not sending.is_set():
            raise OSError("the disk is full")
        return read(self, after=after)

    def add(self, added):
        assert sending.wait(10)
        given_up = write(self, added)
        written.set()
        return given_up

    monkeypatch.setattr(SqliteQueue, "first", first)
    monkeypatch.setattr(SqliteQueue, "add", add)

    class Slow(Broker):
        def publish(self, topic, payload):
            super().publish(topic, payload)
            sending.set()
            assert written.wait(10)
            time.sleep(0.2)

    broker = Slow()
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=10)
    outbox.put(message(3))
    run(outbox)
    assert outbox.drain(timeout=20)
    assert broker.taken[0] == 3
    assert sorted(set(broker.taken)) == [1, 2, 3]


def test_what_is_written_while_the_sender_counts_is_still_sent(tmp_path, run, monkeypatch):
    """The sender had counted none on disk and noted it after the writer had written four; the next
    was sent from memory, as if it was all."""
    counted, broker = threading.Event(), Broker()
    count, add = SqliteQueue.count, SqliteQueue.add

    def slow_count(self, *, after=-1):
        found = count(self, after=after)
        if broker.taken == [1] and not counted.is_set():
            counted.set()
            # The writer gets ahead, if it can.
            time.sleep(0.5)
        return found

    def slow_add(self, added):
        if added.sequence == 6:
            # It is sent from memory, if the sender believes that nothing is on the disk.
            time.sleep(1)
        return add(self, added)

    monkeypatch.setattr(SqliteQueue, "count", slow_count)
    monkeypatch.setattr(SqliteQueue, "add", slow_add)
    queue = SqliteQueue(tmp_path / "queue", size=10)
    queue.add(message(1))
    queue.close()
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=10)
    run(outbox)
    assert counted.wait(10)
    for number in range(2, 7):
        outbox.put(message(number))
    assert outbox.drain(timeout=20)
    assert broker.taken == [1, 2, 3, 4, 5, 6]


def test_a_file_that_is_no_database_is_put_aside(tmp_path, run):
    (tmp_path / "queue").write_bytes(b"not a database at all" * 500)
    broker = Broker()
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    outbox.put(message(7))
    run(outbox)
    wait_for(lambda: broker.taken == [7])
    assert (tmp_path / "queue.damaged").is_file()
    wait_for(lambda: outbox.disk_problem is None)


def test_a_folder_that_cannot_be_written_costs_only_the_memory_of_a_kill(tmp_path, run):
    (tmp_path / "file").write_text("in the way")
    broker = Broker()
    outbox = Outbox(broker, topic="t", path=tmp_path / "file" / "queue", size=3)
    for number in range(5):
        outbox.put(message(number))
    run(outbox)
    wait_for(lambda: broker.taken == [2, 3, 4])
    assert "in memory only" in outbox.disk_problem
    assert outbox.undelivered == 2


def test_clock_steps_neither_reorder_nor_repeat(tmp_path, run, monkeypatch):
    broker = Broker()
    outbox = Outbox(broker, topic="t", path=tmp_path / "queue", size=100)
    run(outbox)
    steps = [0, 86_400 * 365, -86_400 * 3650, 3600]
    real = time.time
    for number, step in enumerate(steps):
        monkeypatch.setattr(time, "time", lambda step=step: real() + step)
        outbox.put(message(number))
        wait_for(lambda n=number: len(broker.taken) == n + 1)
    assert broker.taken == [0, 1, 2, 3]


def test_the_message_of_an_item_is_json_that_a_database_gives_back_unchanged(tmp_path):
    payload = json.dumps({"class": "glass é \u2028"}).encode()
    queue = SqliteQueue(tmp_path / "queue", size=10)
    queue.add(Message(2**62, payload))
    queue.close()
    assert SqliteQueue(tmp_path / "queue", size=10).first() == Message(2**62, payload)


def test_what_waited_goes_to_the_topic_of_today(run, tmp_path):
    """A topic that the core no longer allows must not block what comes after (NL-D5)."""
    queue = SqliteQueue(tmp_path / "queue", size=10)
    queue.add(Message(1, b"1"))
    queue.close()
    topics = []

    class Core:
        def publish(self, topic, payload):
            topics.append((topic, payload))

    run(Outbox(Core(), topic="today/cam/detections", path=tmp_path / "queue", size=10))
    wait_for(lambda: topics == [("today/cam/detections", b"1")])
