# SPDX-License-Identifier: Apache-2.0
"""The camera's package, on a machine or a Python that it was not built for.

A camera's wheels are for one Python on Linux. Where the rehearsal runs on another one, its
simulated cameras run a variant: the same program, with the wheels that the package's own lock
pins for this interpreter and machine.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from infra.assets.definitions import ROOT
from infra.assets.wheels import PYTHON, PackagesError, installed_packages
from rehearsal.errors import RehearsalError

_CACHE = ROOT / ".build" / "packages-here"
_NEEDED = "needed={}\n"
"""The line of start.sh that names the Python which the package is for."""


def variant() -> str:
    """What to tell the person who rehearses; empty where cameras run the package as it is."""
    here = "{}.{}".format(*sys.version_info[:2])
    if here == PYTHON and sys.platform == "linux" and platform.machine() == "x86_64":
        return ""
    return (
        f"The simulated cameras run wheels for Python {here} on {platform.system()} "
        f"{platform.machine()}, from the same lock; what is deployed has those for Python {PYTHON} "
        "on Linux."
    )


def fit_packages(package: Path) -> bool:
    """Replace the wheels in an unpacked package if they do not load here.

    Returns whether it did. Raises RehearsalError where the lock has none for this interpreter.
    """
    native = sysconfig.get_config_var("EXT_SUFFIX")
    modules = [path.name for path in package.rglob("*.cpython-*.so")]
    if not modules or any(name.endswith(native) for name in modules):
        return False
    for entry in _packages_here(package / "requirements.txt").iterdir():
        _replace(package / entry.name, entry)
    start = package / "start.sh"
    if start.exists():
        text, needed = start.read_text(encoding="utf-8"), _NEEDED.format(PYTHON)
        if needed not in text:
            raise RehearsalError(f"{start}: no line {needed.strip()!r} to run it on this Python")
        here = _NEEDED.format("{}.{}".format(*sys.version_info[:2]))
        start.write_text(text.replace(needed, here), encoding="utf-8")
    return True


def _packages_here(lock: Path) -> Path:
    here = f"{sys.version_info[:2]} {sysconfig.get_platform()}".encode()
    folder = _CACHE / hashlib.sha256(here + lock.read_bytes()).hexdigest()[:16]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w", encoding="utf-8") as turns:
        # Both cameras, and a second rehearsal, want them at the same moment.
        fcntl.flock(turns, fcntl.LOCK_EX)
        try:
            return installed_packages(lock, folder, None)
        except PackagesError as error:
            raise RehearsalError(f"no packages for a simulated camera: {error}") from error


def _replace(target: Path, source: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(source, target)


def _link(source: str | Path, target: str | Path) -> None:
    """A second name for a file that nobody writes into, or a copy where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
