# SPDX-License-Identifier: Apache-2.0
"""Whether the address of a network camera is what it seems to be, before anything connects."""

import re
from urllib.parse import unquote, urlsplit

UNENCODED = (
    "a user, password or path has a character that ends it; write / as %2F, ? as %3F, [ as %5B, "
    "@ as %40"
)


def check_address(scheme: str, address: str) -> None:
    """Raise ValueError, which quotes nothing, where an address is not what it seems to be.

    ``address`` is what follows the scheme: ``//user:password@host:554/path``.
    """
    authority = re.split(r"[/?]", address.removeprefix("//"), maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    before, _, after = address.partition("@") if not at else ("", "", "")
    # Without a user before the first / or ?, an @ behind it: host:554/a?key=x@y, or a password?
    if any(letter < " " or letter == "\x7f" for letter in address + unquote(user)):
        raise ValueError("it has a line break or another control character")
    if address != address.rstrip():
        raise ValueError("it ends with a blank")
    if " " in authority.rpartition("@")[2]:
        raise ValueError("a host's name has no blank in it")
    in_doubt = bool(after) and ":" in authority and "=" not in before.partition("?")[2]
    bad_port = bool(after) and not re.fullmatch(r"[^:]*(:[0-9]*)?|\[[^]]*\](:[0-9]*)?", authority)
    if in_doubt or bad_port or "[" in user or "]" in user:
        raise ValueError(UNENCODED)
    try:
        parts = urlsplit(f"{scheme}:{address}")
        port = parts.port  # raises where it is no number up to 65535
    except ValueError:
        raise ValueError(
            f"expected {scheme}://host:port/path with a port from 1 to 65535"
        ) from None
    if not parts.hostname or port == 0:
        raise ValueError(f"expected {scheme}://[user:password@]host[:port]/path")
