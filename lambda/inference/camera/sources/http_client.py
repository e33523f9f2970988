# SPDX-License-Identifier: Apache-2.0
"""Requests to a network camera over HTTP or HTTPS: login, redirects, certificates, time limits.

No proxy is used, whatever the environment says: a camera is on the same network.
"""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from camera.sources.base import SourceError
from camera.sources.http_login import Login, LoginError
from camera.sources.shown import place_of

_OPEN_SECONDS, _READ_SECONDS = 10.0, 5.0
_MOST_REDIRECTS = 5
_SMALL_BODY = 1 << 16
"""Bytes of an answer without a picture that are read so that its connection can be used again."""
_PATH = "%/:=&?~+!$,;'@()*[]|"
_GONE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass
class HttpClient:
    """Asks one camera for pictures, over one connection as long as the camera keeps it open.

    ``url`` may have a user and password. ``ca``: a PEM file with the certificate that the camera's
    is checked with, instead of the system's.
    """

    url: str = field(repr=False)
    ca: str = ""
    _login: Login | None = field(init=False)
    _connection: http.client.HTTPConnection | None = field(init=False, default=None)
    _response: http.client.HTTPResponse | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._login = None
        if parts.username is not None:
            self._login = Login(unquote(parts.username), unquote(parts.password or ""))

    @property
    def place(self) -> str:
        """The camera's address without secrets, for errors."""
        return place_of(self.url)

    @contextlib.contextmanager
    def get(self) -> Iterator[http.client.HTTPResponse]:
        """The camera's answer with status 200, its body not read yet.

        Raises SourceError, from within the block also, which never tells the password.
        """
        try:
            with self._explained():
                yield self._answer()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        for each in (self._response, self._connection):
            if each is not None:
                each.close()
        self._response = self._connection = None

    def _answer(self) -> http.client.HTTPResponse:
        redirects, logins = 0, 0
        while True:
            response = self._ask()
            if response.status == HTTPStatus.OK:
                return response
            if response.status == HTTPStatus.UNAUTHORIZED:
                logins += 1
                self._log_in(response, again=logins > 1)
            elif response.status in {301, 302, 303, 307, 308}:
                redirects += 1
                if redirects > _MOST_REDIRECTS:
                    raise SourceError(f"{self.place}: more than {_MOST_REDIRECTS} redirects")
                self._follow(response.headers.get("Location", ""))
            else:
                raise SourceError(f"{self.place}: the camera answers {_status(response.status)}")

    def _ask(self) -> http.client.HTTPResponse:
        reused = self._ready()
        try:
            return self._send()
        except _GONE:
            # A camera may close a connection that it kept open.
            if not reused:
                raise
        self.close()
        return self._send()

    def _ready(self) -> bool:
        """Whether the connection can take another request; a connection that cannot is closed."""
        response = self._response
        left = None if response is None or response.chunked else response.length
        if response is not None and left is not None and left <= _SMALL_BODY:
            response.read()
        ended = response is not None and response.isclosed()
        if not ended or self._connection is None or self._connection.sock is None:
            self.close()
        return self._connection is not None

    def _send(self) -> http.client.HTTPResponse:
        parts = urlsplit(self.url)
        connection = self._connection = self._connection or self._connect(parts)
        target = quote(parts.path or "/", safe=_PATH)
        if parts.query:
            target += "?" + quote(parts.query, safe=_PATH)
        connection.putrequest("GET", target)
        connection.putheader("Accept", "*/*")
        connection.putheader("User-Agent", "binsight")
        if self._login and (login := self._login.header("GET", target)):
            connection.putheader("Authorization", login)
        connection.endheaders()
        self._response = connection.getresponse()
        return self._response

    def _connect(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = unquote(parts.hostname or "")
        connection = (
            http.client.HTTPSConnection(
                host, _port(parts), timeout=_OPEN_SECONDS, context=self._context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, _port(parts), timeout=_OPEN_SECONDS)
        )
        connection.connect()
        connection.sock.settimeout(_READ_SECONDS)
        return connection

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            reason = "it is no certificate in PEM" if isinstance(error, ssl.SSLError) else None
            raise SourceError(f"option ca = {self.ca!r}: {reason or error.strerror}") from None
        # The file may hold the camera's own certificate, which need not be its own issuer.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def _log_in(self, response: http.client.HTTPResponse, *, again: bool) -> None:
        if self._login is None:
            raise SourceError(
                f"{self.place}: the camera asks for a user and password; write them in the address "
                f"as {urlsplit(self.url).scheme}://user:password@host"
            )
        try:
            newer = self._login.challenged(response.headers.get_all("WWW-Authenticate", []))
        except LoginError as error:
            raise SourceError(f"{self.place}: {error}") from None
        if again and not newer:
            raise SourceError(f"{self.place}: the camera refuses the user or password")

    def _follow(self, location: str) -> None:
        """Go to another address of the camera; with a user and password not to another host."""
        here, there = urlsplit(self.url), urlsplit(urljoin(self.url, location))
        if not location or there.scheme not in {"http", "https"} or not there.hostname:
            raise SourceError(f"{self.place}: the camera redirects, and does not say where to")
        shown = place_of(there.geturl())
        if here.scheme == "https" and there.scheme == "http":
            raise SourceError(f"{self.place}: the camera redirects from TLS to {shown}")
        if self._login is not None and not _same_camera(here, there):
            raise SourceError(
                f"{self.place}: the camera redirects to {shown}, which does not get its user and "
                "password; name that address as the source"
            )
        self.close()
        self.url = there._replace(netloc=there.netloc.rpartition("@")[2], fragment="").geturl()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise SourceError(
                f"{self.place}: the camera's certificate is not accepted ({error.verify_message}); "
                "name the file with its issuer's or its own as #ca=/path/to/camera.pem"
            ) from None
        except ssl.SSLError as error:
            reason = (error.reason or "TLS failed").replace("_", " ").lower()
            raise SourceError(f"{self.place}: no TLS connection: {reason}") from None
        except TimeoutError:
            raise SourceError(f"{self.place}: the camera does not answer in time") from None
        except http.client.RemoteDisconnected:
            raise SourceError(f"{self.place}: the camera hung up without an answer") from None
        except OSError as error:
            raise SourceError(f"{self.place}: {error.strerror or type(error).__name__}") from None
        except http.client.IncompleteRead:
            raise SourceError(f"{self.place}: the camera ended the stream") from None
        except UnicodeError:
            raise SourceError(f"{self.place}: no host can have this name") from None
        except (http.client.HTTPException, ValueError) as error:
            # Their texts may quote the address.
            raise SourceError(
                f"{self.place}: the answer is not HTTP ({type(error).__name__})"
            ) from None


def _status(code: int) -> str:
    """The code with the standard's words, not with the camera's."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _same_camera(here: SplitResult, there: SplitResult) -> bool:
    """The same host at the same port, or the same with TLS."""
    if here.hostname != there.hostname:
        return False
    with_tls = (here.scheme, there.scheme) == ("http", "https")
    return with_tls or (here.scheme == there.scheme and _port(here) == _port(there))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)
