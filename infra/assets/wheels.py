# SPDX-License-Identifier: Apache-2.0
"""Python packages for a camera: installed from a lock for its platform, then slimmed."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = "3.11"
PLATFORMS = {
    "x86_64": ("_2_28", "_2_27", "_2_24", "_2_17", "2014", "2010", "1"),
    "aarch64": ("_2_28", "_2_27", "_2_24", "_2_17", "2014"),
}
"""The manylinux versions of wheels that a camera can load, glibc 2.28 or older, by processor. pip
knows no 'and older' by itself."""

NOT_ON_CAMERAS = (
    # Only onnxruntime's offline tools import these; inference does not.
    "sympy",
    "mpmath",
    "isympy.py",
    "onnxruntime/quantization",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/datasets",
    # Compiling against numpy is no camera's business.
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


def installed_packages(lock: Path, folder: Path, architecture: str) -> Path:
    """The packages that ``lock`` pins, slimmed, in ``folder``; installed if they are not there.

    What else is beside ``folder`` is taken for leftovers of older locks and removed.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(
        f"bundling: installing {lock.name} for {architecture} cameras (a minute at first)",
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as scratch:
        target = Path(scratch) / "packages"
        _install(lock, target, architecture)
        _slim(target)
        # The name appears when everything is in it.
        target.replace(folder)
    for old in folder.parent.iterdir():
        if old.is_dir() and old != folder:
            shutil.rmtree(old, ignore_errors=True)
        elif old.suffix == ".zip":
            old.unlink()
    return folder


def _install(lock: Path, target: Path, architecture: str) -> None:
    platforms = [f"manylinux{one}_{architecture}" for one in PLATFORMS[architecture]]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--target", str(target), "--requirement", str(lock)),
        *("--no-deps", "--require-hashes", "--no-compile", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", PYTHON),
        *(option for platform in (*platforms, "any") for option in ("--platform", platform)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = result.stderr.strip().splitlines()
        raise PackagesError(
            f"pip could not install {lock}: {reason[-1] if reason else 'no reason'}"
        )


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
