# SPDX-License-Identifier: Apache-2.0
"""A site: a process with some cameras of the fleet. ``python -m rehearsal.fleet.site FILE``.

The cameras of a site share its power (killing the process cuts it) and its disk. The rehearsal
sends commands as JSON lines to standard input; the site answers on standard output, where cameras
also announce their actions.
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from camera.messaging.publishers import PublishError
from contracts.bins import BinPolicy
from contracts.messages import ModelName
from contracts.topics import Topics
from rehearsal.fleet.camera import FleetCamera
from rehearsal.fleet.camera_in_memory import GOOD, NOT_TAKEN
from rehearsal.fleet.core import FleetCore
from rehearsal.fleet.generator import Pace, Speaker, events
from rehearsal.fleet.link import Link
from rehearsal.fleet.network import Network
from rehearsal.simulated_core.enrol import Identity, enrol
from rehearsal.simulated_core.mqtt import Certificate, Endpoint, RefusedError

AT_ONCE = 6
"""Cameras of a site that act at the same time."""
ENROL_AT_ONCE = 2
"""Each that enrols at the same time has a process of the hook's function, which must answer within
five seconds, as on AWS."""
ENROLMENT_TRIES = 8
HOOK_FAILED = "InvocationError"
"""AWS IoT's error if the pre-provisioning hook did not answer in time."""
CLAIM_SECONDS = 20
"""Between two tries: a serial number whose hook did not answer is reserved for two minutes."""
PROGRAM = ".Inference"
NO_MODEL = ModelName(digest="0" * 64, version="0.0.0")


class Site:
    """The cameras of one process; each command is a method."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._seed = int(given["seed"])
        self._folder = Path(given["folder"])
        self._cameras: dict[int, FleetCamera] = {}
        self._cores: dict[int, FleetCore] = {}
        self._printing = threading.Lock()
        self._network = Network(given["mqtt_port"])
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._next_kind = GOOD
        self._kinds: dict[str, str] = {}
        """Kind of each model by its version, in the order in which they came."""
        self._had: dict[int, list[str]] = {}
        self._numbers: dict[int, str] = {int(k): v for k, v in given["cameras"].items()}

    def say(self, *words: object) -> None:
        """One line to the rehearsal."""
        with self._printing:
            print(json.dumps(words), flush=True)

    def warm(self, serial: str) -> dict[str, Any]:
        """Try to enrol serial numbers that are not on the list; return how AWS IoT refused one.

        There are as many at once as later enrolments: the hook's function starts cold for each, and
        its first answer may be too late.
        """
        with ThreadPoolExecutor(ENROL_AT_ONCE) as pool:
            found = pool.map(self._refusal, [f"{serial}-{n}" for n in range(ENROL_AT_ONCE)])
            return {"refused": min(found)}

    def _refusal(self, serial: str) -> str:
        for _ in range(ENROLMENT_TRIES):
            try:
                self._enrol(serial, self._folder / serial)
            except RefusedError as error:
                if HOOK_FAILED not in str(error):
                    return str(error)
            else:
                return ""
        return ""

    def enrol(self) -> dict[str, Any]:
        """Enrol every camera that has no certificate yet, and connect all of them."""
        with ThreadPoolExecutor(ENROL_AT_ONCE) as pool:
            return {"failed": self._each(self._begin, pool)}

    def play(
        self, first: float, last: float, pace: dict[str, Any] | None = None, flush_s: float = 10.0
    ) -> dict[str, Any]:
        """Let every camera report what it sees from one simulated minute to another."""
        paced = Pace(**(pace or {}))

        def one(number: int) -> None:
            camera = self._cameras[number]
            if (state := camera.crash(last)) is not None:
                self._cores[number].report_program(PROGRAM, state)
            seen = events(self._seed, number, first=first, last=last, pace=paced)
            camera.play(seen, flush_s=flush_s)

        return {"failed": self._each(one)}

    def clock(self, number: int, step_s: float) -> dict[str, Any]:
        """Make a camera's clock wrong by this many seconds from now on."""
        self._cameras[number].clock_s = step_s
        return {}

    def network(self, number: int, lost: bool) -> dict[str, Any]:
        """Disconnect a camera's network, or restore it."""
        camera = self._cameras[number]
        camera.offline = lost
        change = self._network.lose if lost else self._network.return_to
        change(camera.speaker.thing)
        return {}

    def model(self, kind: str) -> dict[str, Any]:
        """Every model that comes from now on and that no camera has seen yet is of this kind."""
        self._next_kind = kind
        return {}

    def given(self) -> dict[str, Any]:
        """The cameras that have taken the model last given to ``model``."""
        newest = [version for version, kind in self._kinds.items() if kind == self._next_kind][-1:]
        numbers = [number for number, had in self._had.items() if newest and newest[0] in had]
        return {"numbers": numbers}

    def versions(self) -> dict[str, Any]:
        """The model of each camera, by thing."""
        speakers = [self._cameras[number].speaker for number in self._numbers]
        return {"versions": {one.thing: one.model.version for one in speakers}}

    def disk(self, full: bool) -> dict[str, Any]:
        """Let every write to a file fail from now on, or no more."""
        _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0 if full else hard, hard))
        return {}

    def reconnect(self, number: int) -> dict[str, Any]:
        """Let a camera connect again; return why AWS IoT refused it, if it did."""
        link = self._cameras[number].link
        link.close()
        try:
            link.open()
        except PublishError as error:
            return {"refused": str(error)}
        return {}

    def remove(self, number: int) -> dict[str, Any]:
        """Remove a camera."""
        del self._numbers[number]
        self._cameras[number].stop()
        return {}

    def drain(self, numbers: list[int], timeout: float) -> dict[str, Any]:
        """Wait until nothing is left to send; return the number of items that are left."""
        left = {}
        for number in numbers:
            if not self._cameras[number].outbox.drain(timeout=timeout):
                left[number] = self._cameras[number].outbox.waiting
        return {"waiting": left}

    def stop(self) -> dict[str, Any]:
        """Stop every camera."""
        return {"failed": self._each(lambda number: self._cameras[number].stop())}

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        what: Callable[..., dict[str, Any]] = getattr(self, command.pop("do"))
        return what(**command)

    def _each(
        self, act: Callable[[int], None], pool: ThreadPoolExecutor | None = None
    ) -> dict[str, str]:
        """Act on every camera, some at a time; what failed, by serial number."""

        def one(number: int) -> str:
            try:
                act(number)
            except (RefusedError, PublishError, OSError) as error:
                return f"{type(error).__name__}: {error}"
            return ""

        numbers = [*self._numbers]
        results = zip(numbers, (pool or self._pool).map(one, numbers), strict=True)
        return {self._numbers[number]: text for number, text in results if text}

    def _begin(self, number: int) -> None:
        serial = self._numbers[number]
        folder = self._folder / serial
        identity = self._identity(serial, folder)
        thing = identity.thing
        core = FleetCore(
            thing=thing,
            nucleus=self._given["nucleus"],
            judge=lambda name, version: self._adopt(number, name, version),
        )
        endpoint = self._endpoint(self._network.port_of(thing))
        camera = FleetCamera(
            speaker=Speaker(
                thing=thing, bins=BinPolicy.from_json(self._given["bins"]), model=NO_MODEL
            ),
            topics=Topics(self._given["topic_prefix"]),
            folder=folder,
            link=Link(endpoint, identity, core.attach),
            say=self.say,
        )
        core.start()
        self._cores[number], self._cameras[number] = core, camera
        camera.start()
        camera.link.open()

    def _adopt(self, number: int, component: str, version: str) -> str:
        """A component arrives at a camera: why it is refused, or an empty text."""
        if not component.endswith(".Model"):
            return ""
        with self._printing:
            kind = self._kinds.setdefault(version, self._next_kind)
        if kind in NOT_TAKEN:
            return f"adopt: refused: the model is {kind}"
        self._had.setdefault(number, []).append(version)
        self._cameras[number].adopt(kind, version)
        return ""

    def _identity(self, serial: str, folder: Path) -> Identity:
        """The camera's thing and certificate: of an earlier start, or new ones."""
        kept = folder / "identity" / "thing"
        own = Certificate(
            certificate=kept.with_name("certificate.pem"), key=kept.with_name("private.key")
        )
        with suppress(FileNotFoundError):
            thing = kept.read_text(encoding="utf-8")
            self.say("enrolled", serial, thing)
            return Identity(thing=thing, certificate=own)
        for left in reversed(range(ENROLMENT_TRIES)):
            try:
                identity = self._enrol(serial, kept.parent)
                break
            except RefusedError as error:
                if not left:
                    raise
                self.say("again", serial, str(error))
                time.sleep(1 if HOOK_FAILED in str(error) else CLAIM_SECONDS)
        kept.write_text(identity.thing, encoding="utf-8")
        self.say("enrolled", serial, identity.thing)
        return identity

    def _enrol(self, serial: str, folder: Path) -> Identity:
        certificate, key = (Path(path) for path in self._given["claim"])
        return enrol(
            self._endpoint(self._given["mqtt_port"]),
            Certificate(certificate=certificate, key=key),
            prefix=self._given["prefix"],
            template=self._given["template"],
            serial=serial,
            nucleus=self._given["nucleus"],
            folder=folder,
        )

    def _endpoint(self, port: int) -> Endpoint:
        return Endpoint(host="localhost", port=port, root_ca=Path(self._given["root_ca"]))


def main() -> int:
    """Answer commands until standard input ends."""
    site = Site(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    for line in sys.stdin:
        site.say("done", site.answer(json.loads(line)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
