# SPDX-License-Identifier: Apache-2.0
"""Builds the assets, without docker: ``python -m infra.assets.bundling``.

cdk.json runs this before every synth. Archives that are already built and undamaged are kept, so
the second run takes a moment. An archive depends only on its sources and its lock: not on the
clock, this machine's file modes or absolute paths.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

from contracts.atomic_file import write_file
from infra.assets.definitions import ROOT, Bundle, needed_bundles
from infra.assets.wheels import PackagesError, installed_packages

COMMAND = ".venv/bin/python -m infra.assets.bundling"
MAXIMUM_UNZIPPED = 200 * 10**6
"""Lambda accepts 250 MB, but a camera's disk is smaller and must hold a model too."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


class NotBundledError(RuntimeError):
    """An asset that synth needs was not built, or is older than its sources."""


class Asset(NamedTuple):
    """A built archive and its asset hash for the CDK."""

    path: str
    digest: str


def built(bundle: Bundle, root: Path = ROOT) -> Asset:
    """The archive of a bundle, for synth. Raises NotBundledError if it is not up to date."""
    digest = bundle.digest(root)
    path = _archive(bundle, root)
    stamp = _stamp(path)
    if stamp.get("digest") != digest or not _has_size(path, stamp):
        raise NotBundledError(
            f"asset {bundle.name!r} is not built for these sources; run: {COMMAND}"
        )
    return Asset(str(path), digest)


def build(bundle: Bundle, root: Path = ROOT) -> bool:
    """Build a bundle's archive unless it exists undamaged. Returns whether it was built."""
    digest = bundle.digest(root)
    path = _archive(bundle, root)
    stamp = _stamp(path)
    if stamp.get("digest") == digest and _has_size(path, stamp):
        if hashlib.sha256(path.read_bytes()).hexdigest() == stamp.get("sha256"):
            return False
        print(f"bundling {bundle.name}: the archive is damaged, building it again", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    write_zip(path, dict(bundle.files(root)), base=_packages_archive(bundle, root))
    with zipfile.ZipFile(path) as archive:
        unzipped = sum(entry.file_size for entry in archive.infolist())
    if unzipped > MAXIMUM_UNZIPPED:
        raise PackagesError(
            f"{bundle.name}: {unzipped / 1e6:.0f} MB unzipped; "
            f"allowed are {MAXIMUM_UNZIPPED / 1e6:.0f} MB"
        )
    document = {
        "digest": digest,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "size": path.stat().st_size,
        "unzipped": unzipped,
    }
    # Written last: an archive without its stamp is ignored, so an interrupted build starts again.
    write_file(path.with_suffix(".json"), json.dumps(document, sort_keys=True), shared=True)
    return True


def main() -> int:
    """Build all assets that the environments need, and print the time that each takes."""
    folder = ROOT / ".build"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        # Concurrent synths take turns; the second one finds everything built.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob("*.zip.*"):
            leftover.unlink()
        return _build_all()


def _build_all() -> int:
    for bundle in needed_bundles():
        started = time.monotonic()
        try:
            if build(bundle):
                size = _archive(bundle, ROOT).stat().st_size / 1e6
                seconds = time.monotonic() - started
                print(f"bundling {bundle.name}: {size:.1f} MB, {seconds:.1f} s", flush=True)
        except (PackagesError, OSError) as error:
            print(f"bundling {bundle.name} failed: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"bundling {bundle.name}: interrupted; run it again", file=sys.stderr)
            return 130
    return 0


def _archive(bundle: Bundle, root: Path) -> Path:
    return root / ".build" / f"{bundle.name}.zip"


def _stamp(archive: Path) -> dict[str, object]:
    try:
        document = json.loads(archive.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _has_size(path: Path, stamp: dict[str, object]) -> bool:
    return path.is_file() and path.stat().st_size == stamp.get("size")


def _packages_archive(bundle: Bundle, root: Path) -> Path | None:
    """The bundle's packages, compressed once: sources change often, packages rarely."""
    if not bundle.lock:
        return None
    other = "" if bundle.architecture == "x86_64" else f"-{bundle.architecture}"
    folder = installed_packages(
        root / bundle.lock,
        root / ".build" / f"packages{other}" / bundle.lock_digest(root)[:16],
        bundle.architecture,
    )
    archive = folder.with_suffix(".zip")
    if not archive.is_file():
        files = (file for file in folder.rglob("*") if file.is_file())
        write_zip(archive, {file.relative_to(folder).as_posix(): file for file in files})
    return archive


def write_zip(path: Path, members: dict[str, Path], *, base: Path | None = None) -> None:
    """Write an archive of these members, after those of ``base``, in one step or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    os.close(handle)
    unfinished = Path(name)
    try:
        if base is not None:
            shutil.copyfile(base, unfinished)
        with zipfile.ZipFile(unfinished, "a" if base is not None else "w") as archive:
            for member, file in sorted(members.items()):
                entry = zipfile.ZipInfo(member, date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = _MODE
                archive.writestr(entry, file.read_bytes())
        unfinished.chmod(0o644)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
