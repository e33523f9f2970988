# SPDX-License-Identifier: Apache-2.0
"""Runs git independently of the caller: without a hook's variables and personal settings."""

import os
import subprocess
from pathlib import Path

_OF_ANOTHER_REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
)
"""A hook has these from git; a review in it is of the folder where it runs."""
_PLAIN = (
    *("-c", "color.ui=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false"),
    *("-c", "i18n.logOutputEncoding=UTF-8", "-c", "tar.umask=0022"),
)


def run_git(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """What git says about the repository at ``root``, in English.

    Raises CalledProcessError where git refuses, unless ``check`` is false.
    """
    environment = {
        name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY
    }
    return subprocess.run(
        ["git", *_PLAIN, *arguments],
        cwd=root,
        env={**environment, "LC_ALL": "C"},
        capture_output=True,
        check=check,
    )


def git_text(root: Path, *arguments: str) -> str:
    """git's output as text; bytes that are no UTF-8 are kept as Python keeps those of paths."""
    return os.fsdecode(run_git(root, *arguments).stdout)
