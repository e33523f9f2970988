# SPDX-License-Identifier: Apache-2.0
"""What a project plugs into the local AWS from outside.

An extension is named ``module:factory``, or ``module:factory=argument``; the server calls
``factory(argument)`` (an empty string without one) and keeps the `Extension` that it returns::

    LocalAws(work=folder, extensions=["my_project.local:Weights=/data/weights"])
    ministack-edge --work folder --extension my_project.local:Weights=/data/weights

The module must be importable where the server is started: `LocalAws` passes its own import path on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job that a step of a SageMaker pipeline is about to run."""

    kind: str
    """``Training`` or ``Processing``."""
    step: str
    """The name of the pipeline's step."""
    arguments: Mapping[str, Any]
    """The resolved arguments, as CreateTrainingJob or CreateProcessingJob takes them."""
    substituted: bool
    """Whether an earlier job of this execution ran with a substitute that changes its results."""
    bucket_exists: Callable[[str], bool]
    """Whether this local AWS has a bucket, by its name."""


@dataclass(frozen=True, kw_only=True)
class Substitute:
    """What the job runs with instead; the API still describes the job that was asked for."""

    arguments: Mapping[str, Any]
    note: str
    """One sentence for the top of the job's log."""
    changes_results: bool = False
    """Whether later jobs of the execution get ``JobRequest.substituted``."""


class Extension:
    """The base class of extensions; every method does nothing unless it is overridden."""

    differences: tuple[str, ...] = ()
    """Sentences for the list of what the local AWS does differently from AWS."""

    def substitute(self, job: JobRequest) -> Substitute | None:
        """Return what a job runs with where it cannot run here as it was asked for, else None.

        Called in the thread of the execution, once before each job that is not cached.
        """
        del job
        return None


class ExtensionError(RuntimeError):
    """An extension cannot be loaded; the message says which and why."""


def load(names: Iterable[str]) -> tuple[Extension, ...]:
    """Return the extensions in their order. Raises ExtensionError."""
    return tuple(_load(name) for name in names)


def _load(name: str) -> Extension:
    target, _, argument = name.partition("=")
    module, found, factory = target.partition(":")
    if not (module and found and factory):
        raise ExtensionError(
            f"extension {name!r}: allowed: module:factory or module:factory=argument"
        )
    try:
        extension = getattr(importlib.import_module(module), factory)(argument)
    except (ImportError, AttributeError) as error:
        raise ExtensionError(f"extension {name!r} cannot be loaded: {error}") from error
    if not isinstance(extension, Extension):
        raise ExtensionError(
            f"extension {name!r}: {factory} returned {type(extension).__name__}; allowed: a "
            "ministack_edge.extension.Extension"
        )
    return extension


def substitute(extensions: Iterable[Extension], job: JobRequest) -> Substitute | None:
    """Return the first substitute that an extension offers for a job."""
    return next((found for each in extensions if (found := each.substitute(job)) is not None), None)
