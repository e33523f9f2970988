# SPDX-License-Identifier: Apache-2.0
"""A core's IPC as components see it: configuration, publishing, subscribing, on a Unix socket.

The components' own SDK talks to it. It enforces their access control and the size of a message, as
nucleus lite does; what is published goes on to AWS IoT.
"""

import base64
import json
import re
import socketserver
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.event_stream import (
    ACCEPTED,
    LAST_OF_STREAM,
    Kind,
    Message,
    read_message,
)
from rehearsal.simulated_core.mqtt import RefusedError

MAXIMUM_BYTES = 10_000
"""A longer message closes the connection on nucleus lite; the payload is base64 inside."""
_PREFIX = "aws.greengrass#"


@dataclass(frozen=True, kw_only=True)
class Client:
    """An installed component: what it may ask for and what its configuration is."""

    name: str
    configuration: Mapping[str, Any]
    thing: str

    def may(self, operation: str, topic: str) -> bool:
        """Whether the component's access control allows an operation on a topic."""
        control = self.configuration.get("accessControl", {})
        for policy in control.get("aws.greengrass.ipc.mqttproxy", {}).values():
            if {f"{_PREFIX}{operation}", "*"} & set(policy["operations"]):
                for resource in policy["resources"]:
                    named = resource.replace("{iot:thingName}", self.thing)
                    if re.fullmatch(re.escape(named).replace(r"\*", ".*"), topic):
                        return True
        return False


@dataclass(kw_only=True)
class Ipc:
    """Serves all components of a core. ``publish(topic, payload)`` takes their messages,
    ``subscribe(topic, deliver)`` asks AWS IoT for those of a topic.

    ``faults`` is what components did that a core refuses.
    """

    publish: Callable[[str, bytes], None]
    subscribe: Callable[[str, Callable[[str, bytes], None]], None] | None = None
    faults: list[str] = field(default_factory=list)
    services: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The configuration of the core's own services, by component; every component may ask."""
    _clients: dict[str, Client] = field(default_factory=dict)
    _streams: dict[str, list[tuple["_Handler", int]]] = field(default_factory=dict)
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _server: "_Server | None" = None

    def start(self) -> None:
        """Listen, in a thread of its own."""
        # A socket's path has at most 107 characters, fewer than a work folder may have.
        self._folder = tempfile.TemporaryDirectory(prefix="binsight-core-")
        self._server = _Server(f"{self._folder.name}/ipc", _Handler)
        self._server.ipc = self
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening; connections end with their components."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._folder is not None:
            self._folder.cleanup()

    def admit(self, client: Client) -> dict[str, str]:
        """The variables by which a component's process finds and proves itself."""
        token = uuid.uuid4().hex
        self._clients = {key: one for key, one in self._clients.items() if one.name != client.name}
        self._clients[token] = client
        if self._server is None:
            raise RehearsalError(f"{client.name}: the core's IPC has not been started")
        socket = str(self._server.server_address)
        return {
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": socket,
            "SVCUID": token,
        }

    def configure(self, name: str, configuration: Mapping[str, Any]) -> None:
        """A component that goes on running: what it asks for from now on, and what it may do."""
        self._clients = {
            token: replace(client, configuration=configuration) if client.name == name else client
            for token, client in self._clients.items()
        }

    def client(self, token: str) -> Client | None:
        """The component that has this token."""
        return self._clients.get(token)

    def subscribed(self, topic: str) -> bool:
        """Whether a component listens to a topic."""
        return bool(self._streams.get(topic))

    def deliver(self, topic: str, payload: bytes) -> None:
        """Hand a message from AWS IoT to whoever subscribed to its topic."""
        body = {"message": {"topicName": topic, "payload": base64.b64encode(payload).decode()}}
        for handler, stream in self._streams.get(topic, []):
            handler.answer(stream, "IoTCoreMessage", body, last=False)

    def listen(self, topic: str, handler: "_Handler", stream: int) -> None:
        """Remember a subscription."""
        if self.subscribe is not None and topic not in self._streams:
            self.subscribe(topic, self.deliver)
        self._streams.setdefault(topic, []).append((handler, stream))

    def forget(self, handler: "_Handler") -> None:
        """Drop the subscriptions of a connection that has ended."""
        for topic, streams in self._streams.items():
            self._streams[topic] = [one for one in streams if one[0] is not handler]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    ipc: Ipc


class _Handler(socketserver.StreamRequestHandler):
    """One connection of one component."""

    server: _Server
    token: str = ""

    @property
    def component(self) -> Client | None:
        """Who is connected, as configured now."""
        return self.server.ipc.client(self.token)

    def setup(self) -> None:
        super().setup()
        self._sending = threading.Lock()

    def handle(self) -> None:
        ipc = self.server.ipc
        try:
            while message := read_message(self.rfile.read, limit=MAXIMUM_BYTES):
                self._take(message)
        except RehearsalError as error:
            ipc.faults.append(f"{self.component.name if self.component else '?'}: {error}")
        except OSError:
            pass  # the component has ended
        finally:
            ipc.forget(self)

    def _take(self, message: Message) -> None:
        if message.kind == Kind.CONNECT:
            self.token = str(message.document.get("authToken"))
            flags = ACCEPTED if self.component else 0
            self._send(Message(kind=Kind.CONNECT_ACK, flags=flags))
        elif message.kind == Kind.PING:
            self._send(Message(kind=Kind.PING_RESPONSE, payload=message.payload))
        elif self.component is not None and "operation" in message.headers:
            operation = str(message.headers["operation"]).removeprefix(_PREFIX)
            self._carry_out(operation, message, self.component)

    def _carry_out(self, operation: str, message: Message, component: Client) -> None:
        request, stream = message.document, message.stream
        topic = str(request.get("topicName", ""))
        if operation == "GetConfiguration":
            name = str(request.get("componentName") or component.name)
            value = self.server.ipc.services.get(name, component.configuration)
            self.answer(stream, "GetConfigurationResponse", {"componentName": name, "value": value})
        elif operation not in {"PublishToIoTCore", "SubscribeToIoTCore"}:
            self._refuse(stream, "ServiceError", f"{operation} is not offered")
        elif not component.may(operation, topic):
            fault = f"{component.name} may not {operation} on {topic}"
            self.server.ipc.faults.append(fault)
            self._refuse(stream, "UnauthorizedError", fault)
        elif operation == "SubscribeToIoTCore":
            self.server.ipc.listen(topic, self, stream)
            self.answer(stream, "SubscribeToIoTCoreResponse", {}, last=False)
        else:
            try:
                self.server.ipc.publish(topic, base64.b64decode(request.get("payload", "")))
            except RefusedError as error:
                self.server.ipc.faults.append(str(error))
                self._refuse(stream, "ServiceError", str(error))
            except OSError as error:
                self._refuse(stream, "ServiceError", str(error))
            else:
                self.answer(stream, "PublishToIoTCoreResponse", {})

    def answer(
        self, stream: int, model: str, body: Mapping[str, Any], *, last: bool = True
    ) -> None:
        """Answer on a stream of the component's."""
        self._reply(Kind.APPLICATION_MESSAGE, stream, model, body, last=last)

    def _refuse(self, stream: int, model: str, reason: str) -> None:
        self._reply(Kind.APPLICATION_ERROR, stream, model, {"message": reason}, last=True)

    def _reply(
        self, kind: Kind, stream: int, model: str, body: Mapping[str, Any], *, last: bool
    ) -> None:
        self._send(
            Message(
                kind=kind,
                stream=stream,
                flags=LAST_OF_STREAM if last else 0,
                headers={
                    "service-model-type": f"{_PREFIX}{model}",
                    ":content-type": "application/json",
                },
                payload=json.dumps(body).encode(),
            )
        )

    def _send(self, message: Message) -> None:
        with self._sending:
            self.wfile.write(message.encode())
