# SPDX-License-Identifier: Apache-2.0
"""How clients reach the local AWS, and nothing else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ROOT_SECRET = "local"  # noqa: S105 - the root user of a local account, on loopback only
"""Secret access key of a 12-digit access key, which is the root user of that account."""
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""The variables of the person's environment that a process needs."""


class AccountError(ValueError):
    """Not an account id."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An access key: of a person, of the root user of an account, or of a role's session."""

    access_key: str
    secret_key: str
    session_token: str | None = None
    """Of a role's session only."""


def root(account: str) -> Credentials:
    """The root user of an account: its 12 digits are an access key here. Raises AccountError."""
    if not re.fullmatch(r"[0-9]{12}", account):
        raise AccountError(f"account = {account!r} is not a 12-digit account id")
    return Credentials(access_key=account, secret_key=ROOT_SECRET)


def kept_environment() -> dict[str, str]:
    """The few variables of this process that its children get; this Python comes first on PATH."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept


def client_environment(
    endpoint: str, *, home: Path, region: str, acting: Credentials
) -> dict[str, str]:
    """The whole environment of a process in which cdk, aws and boto3 reach ``endpoint`` alone.

    ``home`` takes the files that the command lines write: profiles, the CDK's caches.
    """
    home.mkdir(parents=True, exist_ok=True)
    return {
        **kept_environment(),
        "AWS_ENDPOINT_URL": endpoint,
        # Every key belongs to one account; the server keeps accounts apart by it.
        "AWS_ACCESS_KEY_ID": acting.access_key,
        "AWS_SECRET_ACCESS_KEY": acting.secret_key,
        **({"AWS_SESSION_TOKEN": acting.session_token} if acting.session_token else {}),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "NO_PROXY": ",".join(LOOPBACK),
        "no_proxy": ",".join(LOOPBACK),
        # The CLI caches which account a key belongs to; the cache must not outlive the server.
        "CDK_HOME": str(home / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "CI": "1",
    }


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
