# SPDX-License-Identifier: Apache-2.0
import threading
import time

from camera.vision.frame_buffer import Frame, FrameBuffer


def frame(number):
    return Frame(jpeg=str(number).encode(), captured_at=float(number))


def test_the_newest_live_frame_wins_and_the_others_are_counted():
    slot = FrameBuffer[Frame]()
    for number in range(5):
        slot.put(frame(number))
    assert slot.take(timeout=0) == frame(4)
    assert slot.take(timeout=0) is None
    assert slot.dropped == 4


def test_recorded_frames_wait_so_that_none_is_lost():
    slot, stop = FrameBuffer[Frame](), threading.Event()

    def show():
        for number in range(200):
            slot.put_when_free(frame(number), stop=stop)

    thread = threading.Thread(target=show)
    thread.start()
    taken: list[Frame] = []
    while len(taken) < 200:
        found = slot.take(timeout=5)
        assert found is not None
        taken.append(found)
    thread.join(timeout=5)
    assert taken == [frame(number) for number in range(200)]
    assert slot.dropped == 0


def test_waiting_to_show_a_frame_ends_with_the_program():
    slot, stop = FrameBuffer[Frame](), threading.Event()
    slot.put(frame(1))
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    slot.put_when_free(frame(2), stop=stop)
    assert time.monotonic() - began < 2
