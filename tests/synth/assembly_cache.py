# SPDX-License-Identifier: Apache-2.0
"""Assemblies of an earlier run, where nothing that decides them has changed.

A synth of all environments takes half a minute of processor, and most runs of the tests change no
template. An entry is kept under a digest of everything that a synth reads: the app, what it
imports, what it packs, the environments, the locks, this Python and the program that synthesises.
BINSIGHT_FRESH=1 (``make test COVERAGE=1``, and so CI) reads no entry.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".build" / "tests"
KEPT = 12
"""Entries that stay, the latest used: the tests need six at a time."""

SYNTH_SECONDS = 300
_READ = (
    *("app.py", "cdk.json", "contracts", "environments", "infra", "lambda", "requirements"),
    *("stacks", "tests/environments/synthesise.py", "tests/synth/assembly_cache.py"),
    *("tests/promotion/synthesise.py", "tests/synth/synthesise.py", "tests/synth/variants.py"),
    "rehearsal/taking.py",
    "training",
)


def synthesise(program: str, output: Path, *, environments: Path | None = None) -> None:
    """Have ``python -m program`` write assemblies into the new folder ``output``, or copy them.

    ``environments``: the folder of environment files; None is the project's own.
    """
    digest = _digest(program, environments)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{digest}.lock").open("w") as lock:
        # Two workers that need the same take turns; the second one finds it made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        entry = CACHE / digest
        if fresh() or not _is_current(entry):
            _make(program, environments, entry)
        os.utime(entry)
        shutil.copytree(entry / "assemblies", output, copy_function=_copy, dirs_exist_ok=True)
        _forget(CACHE)


def fresh() -> bool:
    """Whether nothing of an earlier run may be used."""
    return bool(os.environ.get("BINSIGHT_FRESH"))


def verdict(*inputs: str) -> Path:
    """The file whose presence says that a check of exactly these inputs found nothing."""
    folder = CACHE / "found-nothing"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:24]


def synth_environment() -> dict[str, str]:
    """The process environment for a synth: this project's tools, nobody's settings."""
    dropped = ("AWS_", "CDK_", "BINSIGHT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }


def _make(program: str, environments: Path | None, entry: Path) -> None:
    work = Path(tempfile.mkdtemp(dir=CACHE, prefix="new-"))
    given = {"BINSIGHT_ENVIRONMENTS": str(environments)} if environments else {}
    try:
        done = subprocess.run(
            [sys.executable, "-m", program, str(work / "assemblies")],
            cwd=ROOT,
            env={**synth_environment(), **given},
            capture_output=True,
            text=True,
            timeout=SYNTH_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"synth failed:\n{done.stdout}\n{done.stderr}"
        _share_archives(work / "assemblies")
        (work / "stamps.json").write_text(json.dumps(_stamps()))
        shutil.rmtree(entry, ignore_errors=True)
        work.rename(entry)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _is_current(entry: Path) -> bool:
    """Whether an entry is whole, and .build still has the archives that were built with it."""
    try:
        noted = json.loads((entry / "stamps.json").read_text())
    except (OSError, ValueError):
        return False
    now = _stamps()
    return all(now.get(name) == stamp for name, stamp in noted.items())


def _stamps() -> dict[str, str]:
    return {path.name: path.read_text() for path in (ROOT / ".build").glob("*.json")}


def _digest(program: str, environments: Path | None) -> str:
    found = hashlib.sha256(f"{program} {sys.version} {platform.machine()}".encode())
    own = ROOT / f"{program.replace('.', '/')}.py"
    given = [environments] if environments else []
    for root in [*(ROOT / name for name in _READ), own, *given]:
        for path in _files(root):
            found.update(f"{path.relative_to(root.parent)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:24]


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(folder) / name for name in sorted(names))


def _share_archives(assemblies: Path) -> None:
    """Keep one copy of an archive that several assemblies have: its name is its digest."""
    for path in sorted(assemblies.glob("*/asset.*.zip")):
        for known in CACHE.glob(f"*/assemblies/*/{path.name}"):
            if known != path:
                path.unlink()
                path.hardlink_to(known)
                break


def _copy(source: str, target: str) -> None:
    """Archives are shared with the entry, nobody writes into one; everything else is a copy."""
    if source.endswith(".zip"):
        try:
            os.link(source, target)
        except OSError:  # the temporary folder is on another disk
            shutil.copy2(source, target)
    else:
        shutil.copy2(source, target)


def _forget(cache: Path) -> None:
    """Delete what has not been used for longest. Locks stay: somebody may wait for one."""
    entries = sorted(cache.glob("*/stamps.json"), key=lambda path: path.parent.stat().st_mtime)
    for stamps in entries[:-KEPT]:
        shutil.rmtree(stamps.parent, ignore_errors=True)
