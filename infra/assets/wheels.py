# SPDX-License-Identifier: Apache-2.0
"""Python packages for a camera: installed from a lock for its platform, then slimmed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.assets.pip_settings import as_uv_settings

PYTHON = "3.11"
"""The Python version on cameras, whatever version runs this."""
GLIBC = "manylinux_2_28"
"""Wheels for this glibc or an older one load on every camera."""

NOT_ON_CAMERAS = (
    # Only onnxruntime's offline tools import these; inference does not.
    "sympy",
    "mpmath",
    "isympy.py",
    "onnxruntime/quantization",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/datasets",
    # Cameras never compile against numpy.
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/f2py",
    "numpy/distutils",
    "numpy/random/_examples",
    "numpy/random/lib",
    "bin",
    "share",
)
_DROPPED_FOLDERS = {"tests", "test", "__pycache__", "testing/tests"}
_DROPPED_SUFFIXES = {".pyc", ".pyi", ".pxd", ".pyx", ".h", ".a", ".lib", ".typed"}
_KEPT_METADATA = ("METADATA", "LICENSE", "LICENCE", "NOTICE", "COPYING")


class PackagesError(RuntimeError):
    """The packages could not be installed, or do not fit."""


def installed_packages(lock: Path, folder: Path, architecture: str | None) -> Path:
    """The packages that ``lock`` pins, slimmed, in ``folder``; installed if they are not there.

    ``architecture`` is a camera's; None selects the interpreter and machine that run this.
    Everything else beside ``folder`` is treated as a leftover of an older lock and removed.
    Raises PackagesError.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(
        f"bundling: installing {lock.name} for {architecture or 'simulated'} cameras "
        "(a minute at first)",
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as scratch:
        target = Path(scratch) / "packages"
        _install(lock, target, architecture)
        _slim(target)
        # The folder gets its final name when it is complete.
        target.replace(folder)
    for old in folder.parent.iterdir():
        if old.is_dir() and old != folder:
            shutil.rmtree(old, ignore_errors=True)
        elif old.suffix == ".zip":
            old.unlink()
    return folder


def _install(lock: Path, target: Path, architecture: str | None) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise PackagesError(f"{uv} is missing; run: make install")
    command = [
        *(str(uv), "pip", "install", "--quiet", "--python", sys.executable),
        *("--target", str(target), "--requirements", str(lock)),
        *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
    ]
    if architecture:
        command += ["--python-version", PYTHON, "--python-platform", f"{architecture}-{GLIBC}"]
    environment = {**as_uv_settings(Path(sys.executable)), **os.environ}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackagesError(f"uv could not install {lock}: {result.stderr.strip() or 'no reason'}")
    (target / ".lock").unlink(missing_ok=True)  # uv's own


def _slim(folder: Path) -> None:
    for name in NOT_ON_CAMERAS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for metadata in folder.glob("*.dist-info"):
        for file in metadata.rglob("*"):
            if file.is_file() and not file.name.startswith(_KEPT_METADATA):
                file.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in _DROPPED_FOLDERS:
                shutil.rmtree(path)
            elif not any(path.iterdir()):
                path.rmdir()
        elif path.suffix in _DROPPED_SUFFIXES:
            path.unlink()
