# SPDX-License-Identifier: Apache-2.0
"""A camera's network, which can be lost: a port that forwards bytes to AWS IoT, or drops them.

While the network is lost, packets disappear silently, as with a pulled plug. When it returns, the
old connections are reset, as by a restarted router.
"""

import asyncio
import threading
from contextlib import suppress

_HOST = "127.0.0.1"
_CHUNK = 65_536


class Network:
    """Ports of this machine, one a camera, all served by one thread."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lost: set[str] = set()
        self._open: dict[str, set[asyncio.StreamWriter]] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="network", daemon=True).start()

    def port_of(self, camera: str) -> int:
        """A new port by which a camera reaches AWS IoT."""
        return asyncio.run_coroutine_threadsafe(self._serve(camera), self._loop).result(10)

    def lose(self, camera: str) -> None:
        """From now on nothing that a camera sends arrives, and nothing reaches it."""
        self._loop.call_soon_threadsafe(self._lost.add, camera)

    def return_to(self, camera: str) -> None:
        """The camera may connect again; what was connected before is reset."""
        self._loop.call_soon_threadsafe(self._reset, camera)

    async def _serve(self, camera: str) -> int:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._pass_on(camera, reader, writer)

        server = await asyncio.start_server(accept, _HOST, 0)
        return int(server.sockets[0].getsockname()[1])

    async def _pass_on(
        self, camera: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            from_aws, to_aws = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_aws}
        self._open.setdefault(camera, set()).update(both)
        try:
            copies = [
                asyncio.create_task(self._copy(camera, reader, to_aws)),
                asyncio.create_task(self._copy(camera, from_aws, writer)),
            ]
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            for copy in copies:
                copy.cancel()
        finally:
            self._open[camera] -= both
            for one in both:
                one.transport.abort()

    async def _copy(
        self, camera: str, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                if camera in self._lost:
                    continue
                target.write(chunk)
                await target.drain()

    def _reset(self, camera: str) -> None:
        self._lost.discard(camera)
        for writer in self._open.get(camera, ()):
            writer.transport.abort()
