# SPDX-License-Identifier: Apache-2.0
"""Install what Binsight needs into the project's own folders: ``.venv`` and ``node_modules``.

Run by ``make`` with the system's Python 3.11 and nothing else, so only the standard library is
used here. Each lock is installed once: a stamp with its digest says that it is there, and is
written last, so an interrupted installation is simply done again.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "installed"
PYTHON = VENV / "bin" / "python"
LOCKS = ("runtime", "rehearsal", "train", "torch", "dev")
SDK = "sdk"
SDK_VENV = ROOT / ".venv-sdk"
NODE_MAJORS = (22, 24)

# Where torch's CPU builds are published. Public registries carry the CUDA build for Linux, which
# pulls gigabytes; an unreachable address is skipped, then pip's own configuration must know a
# CPU wheel. Empty means: do not ask.
TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")


class InstallError(Exception):
    """Something that the person who runs this can mend; the message says how."""


def main() -> int:
    """Install the named groups and the Node parts; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    known = (*LOCKS, SDK)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {', '.join(known)}")
    groups = parser.parse_args().groups or ["runtime"]
    unknown = [group for group in groups if group not in known]
    if unknown:
        parser.error(f"group {unknown[0]!r}; allowed: {', '.join(known)}")
    try:
        _create_environment()
        _install_node()
        for group in groups:
            if group == SDK:
                _install_sdk()
            else:
                _install_lock(group)
        _install_packages()
        _install_command_line()
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninstall: interrupted; the next run continues here", file=sys.stderr)
        return 130
    return 0


def _create_environment() -> None:
    if sys.version_info[:2] != (3, 11):
        raise InstallError(
            f"Python {sys.version.split()[0]} runs this; Binsight's locks are for 3.11 "
            "(make PYTHON=/path/to/python3.11)"
        )
    # A half-made environment has no working pip; its folder alone proves nothing.
    healthy = (
        PYTHON.exists()
        and not subprocess.run(
            [PYTHON, "-c", "import pip"], capture_output=True, check=False
        ).returncode
    )
    if not healthy:
        _step("create .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    STAMPS.mkdir(exist_ok=True)


def _install_lock(group: str) -> None:
    lock = ROOT / "requirements" / f"{group}.txt"
    extra: list[str] = []
    environment = dict(os.environ)
    if _installed(group, lock):
        return
    if group in ("train", "torch"):
        # Both are whole; pip would look for what one leaves to the other (accelerate's torch).
        extra = ["--no-deps"]
    if group == "torch" and TORCH_INDEX and _reachable(TORCH_INDEX):
        environment["PIP_EXTRA_INDEX_URL"] = " ".join(
            filter(None, [environment.get("PIP_EXTRA_INDEX_URL"), TORCH_INDEX])
        )
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    hint = ""
    if group == "torch":
        hint = "; torch's CPU build was not found: set TORCH_INDEX to an index that has it"
    _step(
        f"install {lock.relative_to(ROOT)}", [*command, *extra, "-r", str(lock)], environment, hint
    )
    _stamp(group, lock)


def _install_packages() -> None:
    """Make the tools in ``packages/`` importable, wherever a program is started from."""
    (folder,) = (VENV / "lib").glob("python3*/site-packages")
    sources = sorted(ROOT.glob("packages/*/src"))
    (folder / "binsight.pth").write_text("".join(f"{source}\n" for source in sources))


def _install_sdk() -> None:
    """SageMaker's SDK into an environment of its own; by uv, which takes a tenth of pip's time."""
    lock = ROOT / "requirements" / f"{SDK}.txt"
    stamp = SDK_VENV / "installed"
    if stamp.exists() and stamp.read_text() == _digest(lock):
        return
    _install_lock("dev")  # brings uv
    uv, python = str(VENV / "bin" / "uv"), str(SDK_VENV / "bin" / "python")
    _step("create .venv-sdk", [uv, "venv", "--clear", "--python", str(PYTHON), str(SDK_VENV)])
    command = [uv, "pip", "install", "--python", python, "--require-hashes", "-r", str(lock)]
    _step(f"install {lock.relative_to(ROOT)} (800 MB)", command)
    stamp.write_text(_digest(lock))


def _install_node() -> None:
    """Node of the machine where it is a supported one, else from a wheel in ``.venv``."""
    lock = ROOT / "requirements" / "node.txt"
    own = VENV / "bin" / "node"
    if not own.exists():
        found = shutil.which("node")
        version = ""
        if found and shutil.which("npm"):
            version = subprocess.run(
                [found, "--version"], capture_output=True, text=True, check=False
            ).stdout.strip()
        if version and version.removeprefix("v").split(".")[0] in map(str, NODE_MAJORS):
            return
        # Another project's Node must not shadow this one: npm would build for the wrong version.
        _install_lock("node")
    elif not _installed("node", lock):
        _install_lock("node")


def _install_command_line() -> None:
    """The pinned CDK CLI into node_modules, and on the environment's PATH as ``cdk``."""
    lock = ROOT / "package-lock.json"
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    if not (cdk.exists() and _installed("cdk", lock)):
        environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        npm = shutil.which("npm", path=environment["PATH"])
        if npm is None:
            raise InstallError("npm is missing although Node was installed; remove .venv and rerun")
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        _step("install package-lock.json", command, environment)
        _stamp("cdk", lock)
    link = VENV / "bin" / "cdk"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(cdk, link.parent))


def _reachable(index: str) -> bool:
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=5):  # noqa: S310 - a fixed https address
            return True
    except (OSError, ValueError):
        return False


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _installed(name: str, lock: Path) -> bool:
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == _digest(lock)


def _stamp(name: str, lock: Path) -> None:
    (STAMPS / name).write_text(_digest(lock))


def _step(
    title: str, command: list[str], environment: dict[str, str] | None = None, hint: str = ""
) -> None:
    print(f"  {title} ...", end="", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(" failed")
        raise InstallError(f"{title}: {(done.stderr or done.stdout).strip()[-2000:]}{hint}")
    print(f" {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
