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
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from template_review.config import Config
from template_review.errors import ReviewError
from template_review.git import git_text, run_git


@dataclass(frozen=True)
class Base:
    """A resolved base."""

    reference: str
    commit: str
    described: str


def resolve(reference: str, root: Path) -> Base:
    """The commit that ``reference`` names. Raises ReviewError if there is none."""
    if not reference.strip() or reference.startswith("-"):
        raise ReviewError(f"base {reference!r}: not a commit; for example origin/main")
    try:
        commit = git_text(
            root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}"
        ).strip()
    except subprocess.CalledProcessError as error:
        inside = run_git(root, "rev-parse", "--git-dir", check=False)
        if hint := untrusted(inside.stderr.decode("utf-8", "replace")):
            raise ReviewError(f"{root}: {hint}") from error
        if inside.returncode:
            raise ReviewError(f"{root} is not a git repository: a review needs one") from error
        raise ReviewError(
            f"base {reference!r} is not a commit, branch or tag that this clone knows. Fetch it "
            f"first (git fetch origin), or name one of: {', '.join(_known(root)) or 'none'}"
        ) from error
    words = git_text(root, "log", "-1", "--format=%h (%cs, %s)", commit).strip()
    described = words.encode("utf-8", "replace").decode()  # a subject in no known encoding
    return Base(reference, commit, described)


@contextmanager
def unpacked(base: Base, root: Path, config: Config) -> Iterator[Path]:
    """The base's files in a temporary folder, with this checkout's installed packages."""
    with tempfile.TemporaryDirectory(prefix="template-review-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "base"
        folder.mkdir()
        archive = run_git(root, "archive", "--format=tar", base.commit)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            _extract(files, folder)
        _share(config, root, folder)
        yield folder


def _extract(files: tarfile.TarFile, folder: Path) -> None:
    """Git's own archive; Python before 3.11.4 has no filter, and git stores no unsafe names."""
    if hasattr(tarfile, "data_filter"):
        files.extractall(folder, filter="data")
    else:
        files.extractall(folder)  # noqa: S202 - see above


def check_app(tree: Path, what: str, config: Config) -> None:
    """Raise ReviewError where a tree has no app that could be synthesised."""
    wanted = ["cdk.json"]
    if isinstance(config.environments, str):
        wanted.append(str(Path(config.environments).parent))
    missing = [name for name in wanted if not (tree / name).exists()]
    if missing:
        raise ReviewError(
            f"{what} is from before the project had an app (no {', '.join(missing)}): choose a "
            f"later base, for example the commit that added {missing[0]} "
            f"(git log --diff-filter=A {missing[0]})"
        )


def key_of_commit(root: Path, commit: str, config: Config) -> str:
    """A key of everything in a commit that templates can depend on."""
    return _key(_files(root, commit), config)


def key_of_working_tree(root: Path, config: Config) -> str:
    """The same key for the working tree: equal content, equal key, committed or not."""
    files = _files(root, "HEAD")
    changed = git_text(
        root, *("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    ).split("\0")
    for line in filter(None, changed):
        name = line[3:]
        path = root / name
        if not path.is_symlink() and not path.is_file():
            files.pop(name, None)
        elif _matters(name, config):
            files[name] = _blob(path)
    return _key(files, config)


def other_packages(root: Path, commit: str, config: Config) -> str:
    """A note for when the base pins other packages than the ones it is synthesised with."""
    differ = [path for path in config.locks if _locked(root, commit, path)]
    if not differ:
        return ""
    named = ", ".join(differ)
    return f"The base pins other packages ({named}); it was synthesised with this checkout's."


def _locked(root: Path, commit: str, path: str) -> bool:
    """Whether a lock file that the base has differs here."""
    shown = run_git(root, "show", f"{commit}:{path}", check=False)
    ours = (root / path).read_bytes() if (root / path).exists() else b""
    return shown.returncode == 0 and shown.stdout != ours


def _files(root: Path, commit: str) -> dict[str, str]:
    """Each file with git's mode and digest."""
    found = {}
    for line in filter(None, git_text(root, "ls-tree", "-r", "-z", commit).split("\0")):
        described, _, name = line.partition("\t")
        mode, _, digest = described.split()
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


def _matters(name: str, config: Config) -> bool:
    return name.split("/", 1)[0] not in config.irrelevant and not name.endswith(".md")


def _key(files: dict[str, str], config: Config) -> str:
    lines = "\n".join(
        f"{name} {described}" for name, described in sorted(files.items()) if _matters(name, config)
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def toolchain(root: Path, config: Config) -> str:
    """Changes when other packages or another version of the review would synthesise the base."""
    digest = hashlib.sha256()
    sources = sorted(Path(__file__).parent.parent.rglob("*.py"))
    for path in [*sources, *config.project.more_apps, root / "node_modules/.package-lock.json"]:
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    # The folder's name has the version of the package.
    packages = {path.name for each in sys.path for path in Path(each).glob("*.dist-info")}
    digest.update(repr((sorted(packages), config.build, config.environments)).encode())
    return digest.hexdigest()[:16]


def _share(config: Config, root: Path, folder: Path) -> None:
    """Give the base what is installed and built already; its build step takes what fits it."""
    for pattern, share in [*((each, _copied) for each in config.copy), *_links(config)]:
        for source in sorted(root.glob(pattern)):
            target = folder / source.relative_to(root)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                share(source, target)


def _links(config: Config) -> Iterator[tuple[str, Callable[[Path, Path], None]]]:
    for pattern in config.link:
        yield pattern, lambda source, target: target.symlink_to(source)


def _copied(source: Path, target: Path) -> None:
    """A second name for a file: builds replace archives and never write into them."""
    if not source.is_file():
        return
    try:
        os.link(source, target)
    except FileNotFoundError:  # another build replaced it at this moment
        return
    except OSError:
        shutil.copyfile(source, target)


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
    found = git_text(
        root,
        *("for-each-ref", "--count=8", "--sort=-committerdate", "--format=%(refname:short)"),
        *("refs/heads", "refs/remotes", "refs/tags"),
    )
    return found.split()
