# SPDX-License-Identifier: Apache-2.0
"""Install what Binsight needs into the project's own folders: ``.venv`` and ``node_modules``.

Run by ``make`` with any supported Python and nothing else, so only the standard library is used
here. pip fetches uv, which installs the rest. Each lock is installed once: a stamp with its digest
is written last, so an interrupted installation continues where it stopped.
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

if not (3, 11) <= sys.version_info[:2] <= (3, 13):  # before the syntax of newer versions
    sys.exit(
        "install: Binsight needs Python 3.11, 3.12 or 3.13; this is {}.{}. Name one of them: "
        "make PYTHON=/path/to/python3.11".format(*sys.version_info[:2])
    )

from infra.assets.pip_settings import as_uv_settings

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "installed"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCKS = ("runtime", "rehearsal", "train", "torch", "dev")
SDK = "sdk"
SDK_VENV = ROOT / ".venv-sdk"
NODE_MAJORS = (22, 24)
UNFINISHED = "unfinished"
"""The content of a stamp while packages are copied, because uv takes an interrupted copy for
complete."""

# What starts often and is slow to compile. uv compiles nothing, and some of what imports these
# does not keep what it compiled: a review, a training job, and what make did not start where
# PYTHONDONTWRITEBYTECODE is set, as in many container images. All files would take minutes.
COMPILED = {
    "runtime": "cdk_nag, aws_cdk.aws_iot, aws_cdk.aws_sagemaker, aws_cdk.aws_stepfunctions_tasks",
    "train": "imagehash, jinja2, onnx, onnxruntime.quantization, scipy.ndimage, scipy.optimize",
    "torch": "accelerate, torch.utils.data, transformers.trainer",
    "dev": "_pytest.config, hypothesis, xdist.plugin",
}

# Where torch's CPU builds are published. Public registries have the CUDA build for Linux, which
# downloads gigabytes. An unreachable address is skipped; then the configured registries must have a
# CPU wheel. Empty disables it.
TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")


class InstallError(Exception):
    """An error that the user can fix; the message says how."""


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
        _install_locks([group for group in groups if group != SDK] + _node())
        _install_torch("torch" in groups)
        _install_project()
        _install_command_line()
        _compile(groups)
        if SDK in groups:
            _install_sdk()
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninstall: interrupted; the next run continues here", file=sys.stderr)
        return 130
    return 0


def _create_environment() -> None:
    """Create ``.venv`` with this Python and uv in it, unless a complete one exists."""
    if VENV.is_symlink():  # a link to another checkout's, which belongs to that checkout
        VENV.unlink()
    lock = _lock("install")
    # An incomplete environment has no uv; the scripts and native packages of one that was moved, or
    # created by another Python, do not run here.
    made_by = f"{ROOT} {sys.version_info[0]}.{sys.version_info[1]}"
    if not (PYTHON.exists() and _stamped("environment") == made_by):
        command = [_base_python(), "-m", "venv", "--clear", str(VENV)]
        _step("create .venv (Python {}.{})".format(*sys.version_info[:2]), command)
        STAMPS.mkdir(exist_ok=True)
    if not (UV.exists() and _installed("install", lock)):
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _step("install uv", [*command, "--no-deps", "--require-hashes", "-r", str(lock)])
        _stamp("install", lock)
    (STAMPS / "environment").write_text(made_by)


def _base_python() -> str:
    """The interpreter behind this one: an environment's own Python cannot recreate it."""
    minor = "python{}.{}".format(*sys.version_info[:2])
    found = Path(sys.base_prefix) / "bin" / minor
    return str(found) if found.exists() else sys.executable


def _install_locks(groups: list[str]) -> None:
    """Install these groups' locks, all that are missing in one go."""
    groups = [group for group in groups if group != "torch"]
    missing = [group for group in groups if not _installed(group, _lock(group))]
    if not missing:
        return
    options = ["--require-hashes"]
    for group in missing:
        options += ["-r", str(_lock(group))]
    _uv_install(
        f"install {', '.join(missing)}", options, {one: _digest(_lock(one)) for one in missing}
    )


def _install_torch(wanted: bool) -> None:
    """torch's CPU build, which has another digest for each platform (docs/adr/0006)."""
    lock = _lock("torch")
    if not wanted or _installed("torch", lock):
        return
    index = TORCH_INDEX if TORCH_INDEX and _reachable(TORCH_INDEX) else ""
    hint = "; torch's CPU build was not found: set TORCH_INDEX to an index that has it"
    _uv_install(
        "install torch", ["-r", str(lock)], {"torch": _digest(lock)}, index=index, hint=hint
    )


def _install_project() -> None:
    """Make the project and the tools in ``packages/`` importable from any folder."""
    projects = [ROOT, *sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))]
    digest = hashlib.sha256(
        b"".join((project / "pyproject.toml").read_bytes() for project in projects)
    ).hexdigest()
    if _stamped("project") == digest:
        return
    options = [option for project in projects for option in ("--editable", str(project))]
    _uv_install("install the project", ["--no-build-isolation", *options], {"project": digest})


def _compile(groups: list[str]) -> None:
    """Have Python keep the bytecode of large packages, which every later start reads."""
    for group in groups:
        lock = _lock(group)
        stamp = f"compiled-{group}"
        if group not in COMPILED or _installed(stamp, lock):
            continue
        print(f"  compile {group} ...", end="", flush=True)
        started = time.monotonic()
        # -I ignores variables that forbid it. A package that cannot be imported is reported by the
        # program that needs it.
        command = [str(PYTHON), "-I", "-c", f"import {COMPILED[group]}"]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        print(f" {time.monotonic() - started:.0f} s", flush=True)
        _stamp(stamp, lock)


def _install_sdk() -> None:
    """Install SageMaker's SDK into a separate environment."""
    lock = _lock(SDK)
    stamp = SDK_VENV / "installed"
    if SDK_VENV.is_symlink():
        SDK_VENV.unlink()
    if stamp.exists() and stamp.read_text() == _digest(lock):
        return
    _step("create .venv-sdk", [str(UV), "venv", "--clear", "-p", str(PYTHON), str(SDK_VENV)])
    python = SDK_VENV / "bin" / "python"
    options = ["--require-hashes", "-r", str(lock)]
    _uv_install(f"install {SDK} (800 MB)", options, {}, python=python)
    stamp.write_text(_digest(lock))


def _node() -> list[str]:
    """The group that contains Node, if the machine has no supported version."""
    if not (VENV / "bin" / "node").exists():
        found = shutil.which("node")
        version = ""
        if found and shutil.which("npm"):
            version = subprocess.run(
                [found, "--version"], capture_output=True, text=True, check=False
            ).stdout.strip()
        if version and version.removeprefix("v").split(".")[0] in map(str, NODE_MAJORS):
            return []
    return ["node"]


def _install_command_line() -> None:
    """The pinned CDK CLI into node_modules, and on the environment's PATH as ``cdk``."""
    lock = ROOT / "package-lock.json"
    modules = ROOT / "node_modules"
    if modules.is_symlink():
        modules.unlink()
    cdk = modules / ".bin" / "cdk"
    if not (cdk.exists() and _installed("cdk", lock)):
        # Another project's Node must not shadow this one: npm would build for the wrong version.
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


def _uv_install(
    title: str,
    options: list[str],
    stamps: dict[str, str],
    *,
    python: Path = PYTHON,
    index: str = "",
    hint: str = "",
) -> None:
    """Install by uv, from where pip is configured to look; the locks name every dependency."""
    environment = {**as_uv_settings(PYTHON), **os.environ}
    if index:
        environment["UV_INDEX"] = f"{environment.get('UV_INDEX', '')} {index}".strip()
    command = [str(UV), "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
    if any(_stamped(name) == UNFINISHED for name in stamps):
        command.append("--reinstall")
    for name in stamps:
        (STAMPS / name).write_text(UNFINISHED)
    _step(title, [*command, *options], environment, hint)
    for name, digest in stamps.items():
        (STAMPS / name).write_text(digest)


def _reachable(index: str) -> bool:
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=5):  # noqa: S310 - a fixed https address
            return True
    except (OSError, ValueError):
        return False


def _lock(group: str) -> Path:
    return ROOT / "requirements" / f"{group}.txt"


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _stamped(name: str) -> str:
    stamp = STAMPS / name
    return stamp.read_text() if stamp.exists() else ""


def _installed(name: str, lock: Path) -> bool:
    return _stamped(name) == _digest(lock)


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
