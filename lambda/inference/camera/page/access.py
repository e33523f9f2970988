# SPDX-License-Identifier: Apache-2.0
"""Access to the page: only from this device, or with a token."""

import hmac
import ipaddress
import socket
import ssl
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

COOKIE = "binsight"
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class Access:
    """The page's address and access.

    Without a ``token`` only this device has access, and ``host`` must be a loopback address. With
    ``certificate`` and ``key`` (PEM files, for example the device's own) the page is served over
    TLS.
    """

    host: str
    port: int
    token: str = ""
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def from_settings(
        cls, address: str, *, token: str = "", certificate: str = "", key: str = ""
    ) -> "Access":
        """Read ``127.0.0.1:8080``. Raises ValueError saying what is allowed."""
        host, colon, port = address.rpartition(":")
        host = host.strip("[]")
        if not colon or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
            raise ValueError(f"page {address!r}: expected <address>:<port> or off")
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError as error:
            raise ValueError(f"page {address!r}: {host!r} is not an IP address") from error
        if not loopback and not token:
            raise ValueError(
                f"page {address!r}: without BINSIGHT_PAGE_TOKEN only 127.0.0.1 or [::1] is allowed"
            )
        if token and len(token) < _SHORTEST_TOKEN:
            raise ValueError(f"BINSIGHT_PAGE_TOKEN: at least {_SHORTEST_TOKEN} characters")
        if bool(certificate) != bool(key):
            raise ValueError("BINSIGHT_PAGE_CERTIFICATE and BINSIGHT_PAGE_KEY go together")
        return cls(
            host=host,
            port=int(port),
            token=token,
            certificate=Path(certificate) if certificate else None,
            key=Path(key) if key else None,
        )

    def on_free_port(self, *, tries: int = 20) -> "Access":
        """The same on the next free port; unchanged if no port is free."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for port in range(self.port, min(self.port + tries, 65536)):
            with socket.socket(family) as probe:
                # As for the page's server: a port with recently closed connections counts as free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.host, port))
                except OSError:
                    continue
                return replace(self, port=port)
        return self

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, if the page has a certificate. Raises OSError (ssl.SSLError too)."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def allows(self, *, authorization: str, cookie: str, host: str) -> bool:
        """Whether a request's headers give access."""
        if self.token:
            given = authorization.removeprefix("Bearer ").strip() or _cookie(cookie)
            return hmac.compare_digest(given.encode(), self.token.encode())
        # A malicious site could reach loopback through a DNS name of its own (DNS rebinding).
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name in {"localhost", "127.0.0.1", "[::1]", self.host, ""}

    def has(self, token: str) -> bool:
        """Whether this is the token."""
        return bool(self.token) and hmac.compare_digest(token.encode(), self.token.encode())


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
