# SPDX-License-Identifier: Apache-2.0
"""Translates pip's configuration into uv's settings, because uv does not read it.

On many laptops and build machines pip's configuration names a company's registry, a folder of
wheels or a certificate. Settings of uv itself take precedence.
"""

import ast
import subprocess
from pathlib import Path

_UV_NAMES = {
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "trusted-host": "UV_INSECURE_HOST",
}
_SECTIONS = ("global", "install", ":env:")
"""The sections of pip's configuration that its command ``install`` reads, the strongest last."""


def as_uv_settings(python: Path) -> dict[str, str]:
    """Environment variables for uv, from the configuration that ``python``'s pip would use."""
    command = [str(python), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return translated(listed.splitlines())


def translated(listed: list[str]) -> dict[str, str]:
    """uv's variables for the lines that ``pip config list`` prints (``section.key='value'``)."""
    found: dict[tuple[str, str], str] = {}
    for line in listed:
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if key in _UV_NAMES and section in _SECTIONS:
            found[section, _UV_NAMES[key]] = str(ast.literal_eval(value))
    settings: dict[str, str] = {}
    for section in _SECTIONS:
        settings.update({name: value for (one, name), value in found.items() if one == section})
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = ",".join(settings["UV_FIND_LINKS"].split())
    for name in ("UV_INDEX", "UV_INSECURE_HOST"):
        if name in settings:
            settings[name] = " ".join(settings[name].split())
    # As pip does, uv queries every registry for each package. The digests in the locks decide which
    # files may be installed, whichever registry answers first.
    settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings
