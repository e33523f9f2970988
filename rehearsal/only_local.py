# SPDX-License-Identifier: Apache-2.0
"""Keeps what a person's shell says about AWS and proxies away from the local AWS."""

import os
from collections.abc import MutableMapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def only_local(environment: MutableMapping[str, str]) -> None:
    """Change a process environment so that calls reach the local AWS and nothing else.

    Profiles, keys and addresses of a real account (``AWS_*``) are dropped, the AWS files of the
    home folder are not read, and loopback is added to what goes past the proxy.
    """
    for name in [name for name in environment if name.upper().startswith("AWS_")]:
        del environment[name]
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    past_the_proxy(environment)


def past_the_proxy(environment: MutableMapping[str, str]) -> None:
    """Add loopback to ``no_proxy``, in the spellings that programs look for."""
    given = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = [host for host in (part.strip() for part in given.split(",")) if host]
    joined = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))
    environment["no_proxy"] = environment["NO_PROXY"] = joined
