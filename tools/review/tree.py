# SPDX-License-Identifier: Apache-2.0
"""The trees that are compared: the working tree, and the base in a temporary folder.

The base is unpacked from git's object store. Unlike `git worktree add` this writes nothing into
.git, so nothing can be left behind there, whatever ends the review.
"""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.review.errors import ReviewError

_SHARED = (".venv", "node_modules")
_IRRELEVANT = {".ci", ".github", "Makefile", "docs", "rehearsal", "tests", "tools"}
"""The app and what it deploys import none of these (the layout's rules)."""


@dataclass(frozen=True)
class Base:
    """A resolved base."""

    reference: str
    commit: str
    described: str


def resolve(reference: str, root: Path) -> Base:
    """The commit that ``reference`` names. Raises ReviewError if there is none."""
    if not reference.strip() or reference.startswith("-"):
        raise ReviewError(f"BASE {reference!r} is no commit; for example BASE=origin/main")
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").strip()
    except subprocess.CalledProcessError as error:
        inside = subprocess.run(
            ["git", "rev-parse", "--git-dir"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if hint := untrusted(inside.stderr):
            raise ReviewError(f"{root}: {hint}") from error
        if inside.returncode:
            raise ReviewError(f"{root} is not a git repository: a review needs one") from error
        raise ReviewError(
            f"BASE {reference!r} is not a commit, branch or tag that this clone knows. Fetch it "
            f"first (git fetch origin), or name one of: {', '.join(_known(root)) or 'none'}"
        ) from error
    described = _git(root, "log", "-1", "--format=%h (%cs, %s)", commit).strip()
    return Base(reference, commit, described)


@contextmanager
def unpacked(base: Base, root: Path) -> Iterator[Path]:
    """The base's files in a temporary folder, with this checkout's installed packages."""
    with tempfile.TemporaryDirectory(prefix="binsight-review-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "base"
        folder.mkdir()
        archive = subprocess.run(
            ["git", "archive", "--format=tar", base.commit],
            cwd=root,
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        for shared in _SHARED:
            if (root / shared).exists() and not (folder / shared).exists():
                (folder / shared).symlink_to(root / shared)
        _share_bundles(root / ".build", folder / ".build")
        yield folder


def check_app(tree: Path, what: str) -> None:
    """A tree without an app cannot be synthesised; say so."""
    missing = [
        name for name in ("cdk.json", "app.py", "environments") if not (tree / name).exists()
    ]
    if missing:
        raise ReviewError(
            f"{what} is from before the project had an app (no {', '.join(missing)}): choose a "
            "later base, for example the commit that added app.py (git log --diff-filter=A app.py)"
        )


def environments(tree: Path) -> list[str]:
    """The environments that a tree has."""
    return sorted(path.stem for path in (tree / "environments").glob("*.toml"))


def key_of_commit(root: Path, commit: str) -> str:
    """A key of everything in a commit that templates can depend on."""
    return _key(_files(root, commit))


def key_of_working_tree(root: Path) -> str:
    """The same key for the working tree: equal content, equal key, committed or not."""
    files = _files(root, "HEAD")
    changed = _git(
        root, *("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    ).split("\0")
    for line in filter(None, changed):
        name = line[3:]
        path = root / name
        if not path.is_symlink() and not path.is_file():
            files.pop(name, None)
        elif _matters(name):
            files[name] = _blob(path)
    return _key(files)


def other_packages(root: Path, commit: str) -> str:
    """A note for when the base pins other packages than the ones it is synthesised with."""
    path = "requirements/runtime.txt"
    shown = subprocess.run(
        ["git", "show", f"{commit}:{path}"], cwd=root, capture_output=True, check=False
    )
    ours = (root / path).read_bytes() if (root / path).exists() else b""
    if shown.returncode or shown.stdout == ours:
        return ""
    return f"The base pins other packages ({path}); it was synthesised with this checkout's."


def _files(root: Path, commit: str) -> dict[str, str]:
    """Each file with git's mode and digest."""
    found = {}
    for line in filter(None, _git(root, "ls-tree", "-r", "-z", commit).split("\0")):
        described, _, name = line.partition("\t")
        mode, _, digest = described.split()
        if _matters(name):
            found[name] = f"{mode} {digest}"
    return found


def _blob(path: Path) -> str:
    if path.is_symlink():
        mode, content = "120000", os.fsencode(path.readlink())
    else:
        mode = "100755" if os.access(path, os.X_OK) else "100644"
        content = path.read_bytes()
    # Git's own digest of a file, so that a change which is undone counts as none.
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return f"{mode} {digest.hexdigest()}"


def _matters(name: str) -> bool:
    return name.split("/", 1)[0] not in _IRRELEVANT and not name.endswith(".md")


def _key(files: dict[str, str]) -> str:
    lines = "\n".join(f"{name} {described}" for name, described in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def toolchain(root: Path) -> str:
    """Changes when other packages or another version of the review would synthesise the base."""
    digest = hashlib.sha256()
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    for path in [*sorted((root / ".venv" / "installed").glob("*")), *sources]:
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _share_bundles(ours: Path, theirs: Path) -> None:
    """Give the base what is built already; its own build step takes what fits its sources."""
    if not ours.is_dir():
        return
    for source in [*ours.glob("*"), *(ours / "packages").glob("*")]:
        target = theirs / source.relative_to(ours)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_file():
            # Archives are replaced, never written into, so a second name for one is safe.
            try:
                os.link(source, target)
            except FileNotFoundError:
                continue
            except OSError:
                shutil.copyfile(source, target)
        elif source.parent.name == "packages":
            target.symlink_to(source)


def untrusted(said: str) -> str:
    """What to do where git refuses a checkout that belongs to another user; else nothing."""
    if "dubious ownership" not in said:
        return ""
    command = next(
        (line.strip() for line in said.splitlines() if "safe.directory" in line),
        "git config --global --add safe.directory '*'",
    )
    return f"this checkout belongs to another user, so git does not read it; trust it: {command}"


def _known(root: Path) -> list[str]:
    found = _git(
        root,
        *("for-each-ref", "--count=8", "--sort=-committerdate", "--format=%(refname:short)"),
        *("refs/heads", "refs/remotes", "refs/tags"),
    )
    return found.split()


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout
