# SPDX-License-Identifier: Apache-2.0
"""Basic and digest authentication (RFC 7617, RFC 7616) with one camera."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_PARTS = re.compile(r'([A-Za-z0-9_-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?')
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_SESSION = "-SESS"


class LoginError(Exception):
    """The camera asks for something else than a user and password; the message says what."""


@dataclass
class Login:
    """Answers a camera's challenges. Its password is in no message."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    _challenge: Mapping[str, str] | None = None
    _count: int = 0

    def challenged(self, headers: Iterable[str]) -> bool:
        """Take the ``WWW-Authenticate`` headers of an answer; digest is preferred to basic.

        Returns whether the camera only wants a newer nonce. Raises LoginError for a method that is
        not known here.
        """
        offered = _challenges(headers)
        known = [each for each in offered if _is_known(each)]
        if not known:
            methods = ", ".join(sorted({each["scheme"] for each in offered})) or "no method"
            raise LoginError(f"it asks for a login by {methods}; basic and digest are known here")
        self._challenge = max(known, key=lambda each: each["scheme"] == "digest")
        self._count = 0
        return self._challenge.get("stale", "").lower() == "true"

    def header(self, method: str, target: str) -> bytes | None:
        """The value of ``Authorization`` for the next request; None before the first challenge."""
        if self._challenge is None:
            return None
        if self._challenge["scheme"] == "basic":
            return b"Basic " + base64.b64encode(f"{self.user}:{self.password}".encode())
        self._count += 1
        return f"Digest {self._digest(self._challenge, method, target)}".encode()

    def _digest(self, challenge: Mapping[str, str], method: str, target: str) -> str:
        algorithm = challenge.get("algorithm", "MD5")
        name = _HASHES[algorithm.upper().removesuffix(_SESSION)]

        def hashed(*parts: str) -> str:
            text = ":".join(parts).encode()
            return hashlib.new(name, text, usedforsecurity=False).hexdigest()

        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        own, count = secrets.token_hex(8), f"{self._count:08x}"
        secret = hashed(self.user, realm, self.password)
        if algorithm.upper().endswith(_SESSION):
            secret = hashed(secret, nonce, own)
        given = {"username": self.user, "realm": realm, "nonce": nonce, "uri": target}
        request, plain = hashed(method, target), {}
        if "qop" in challenge:
            given["response"] = hashed(secret, nonce, count, own, "auth", request)
            plain = {"qop": "auth", "nc": count}
            given["cnonce"] = own
        else:
            given["response"] = hashed(secret, nonce, request)
            if algorithm.upper().endswith(_SESSION):
                given["cnonce"] = own
        if "opaque" in challenge:
            given["opaque"] = challenge["opaque"]
        if "algorithm" in challenge:
            plain["algorithm"] = algorithm
        parts = [f"{name}={_quoted(value)}" for name, value in given.items()]
        return ", ".join(parts + [f"{name}={value}" for name, value in plain.items()])


def _is_known(challenge: Mapping[str, str]) -> bool:
    if challenge["scheme"] == "basic":
        return True
    algorithm = challenge.get("algorithm", "MD5").upper().removesuffix(_SESSION)
    qop = re.split(r"[\s,]+", challenge.get("qop", "auth").lower())
    return challenge["scheme"] == "digest" and algorithm in _HASHES and "auth" in qop


def _challenges(headers: Iterable[str]) -> list[dict[str, str]]:
    """Each challenge's parameters by name in small letters; its scheme is one of them."""
    found: list[dict[str, str]] = []
    for header in headers:
        for part in _PARTS.finditer(header):
            name, value = part[1].lower(), part[2]
            if value is None:
                found.append({"scheme": name})
            elif found:
                found[-1].setdefault(name, _unquoted(value))
    return found


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _quoted(value: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'
