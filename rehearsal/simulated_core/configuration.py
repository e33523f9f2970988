# SPDX-License-Identifier: Apache-2.0
"""The configuration of a core's components, kept from deployment to deployment as nuclei keep it.

Every value has a time, and an older value never replaces a newer one. A recipe's defaults have the
oldest time, so a new version's defaults do not apply to a component that was installed before,
except for values that a deployment resets.

Where the two nuclei differ (aws-greengrass-nucleus 2.18, KernelConfigResolver and
DeploymentActivator; aws-greengrass-lite 2.6.0, ggdeploymentd and ggconfigd): the Java nucleus gives
every value the deployment's time afterwards, defaults too; on nucleus lite defaults stay at 0, and
a later default, at 0 as well, replaces them.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.simulated_core.recipe import Nucleus

JAVA_DEFAULT, LITE_DEFAULT = 1.0, 0.0
"""The time of a recipe's defaults."""


@dataclass(frozen=True)
class _Value:
    """Anything but a map, with the time when it was written."""

    value: Any
    time: float


_Node = dict[str, Any]
"""Keys to values or further nodes."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a deployment does to a component's configuration: reset first, then merge."""

    reset: tuple[str, ...] = ()
    merge: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class ConfigurationStore:
    """All components of one core. ``apply`` is one component's part of one deployment."""

    nucleus: Nucleus
    _components: dict[str, _Node] = field(default_factory=dict)

    def apply(
        self, component: str, *, defaults: Mapping[str, Any], update: Update | None, time: float
    ) -> dict[str, Any]:
        """The component's configuration afterwards.

        ``update`` is None where the deployment says nothing about the component's configuration, or
        the component is a dependency only: nuclei update roots alone. ``time`` is the deployment's.
        """
        node = self._components.setdefault(component, {})
        update = update or Update()
        _reset(node, update.reset)
        java = self.nucleus == "java"
        _merge(node, defaults, JAVA_DEFAULT if java else LITE_DEFAULT)
        _merge(node, update.merge, time)
        if java:
            _stamp(node, time)
        return self.of(component)

    def of(self, component: str) -> dict[str, Any]:
        """A component's configuration as it reads it; empty where nothing was applied."""
        return _plain(self._components.get(component, {}))

    def saved(self) -> dict[str, Any]:
        """Everything as it is, for ``restore``."""
        return copy.deepcopy(self._components)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go back to what ``saved`` returned."""
        self._components = copy.deepcopy(dict(saved))


def as_json(saved: Mapping[str, Any]) -> dict[str, Any]:
    """What ``saved`` returned, as JSON can hold it: each value beside its time."""
    return {
        key: {"value": part.value, "time": part.time}
        if isinstance(part, _Value)
        else {"map": as_json(part)}
        for key, part in saved.items()
    }


def from_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """For ``restore``, what ``as_json`` made."""
    return {
        key: from_json(part["map"]) if "map" in part else _Value(part["value"], part["time"])
        for key, part in document.items()
    }


def _reset(node: _Node, pointers: Iterable[str]) -> None:
    """Drop what JSON pointers name; the empty one names all. What is not there is done."""
    for pointer in pointers:
        if pointer == "":
            node.clear()
            return
        *parents, last = pointer.lstrip("/").split("/")
        place: Any = node
        for part in parents:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)


def _merge(node: _Node, update: Mapping[str, Any], time: float) -> None:
    """Maps merge; everything else replaces what is not newer."""
    for key, value in update.items():
        known = node.get(key)
        if isinstance(known, _Value) and known.time > time:
            continue
        if isinstance(value, Mapping):
            inner = known if isinstance(known, dict) else {}
            _merge(inner, value, time)
            node[key] = inner
        elif isinstance(known, dict) and _newest(known) > time:
            continue
        else:
            node[key] = _Value(value, time)


def _newest(node: _Node) -> float:
    times = [part.time if isinstance(part, _Value) else _newest(part) for part in node.values()]
    return max(times, default=0.0)


def _stamp(node: _Node, time: float) -> None:
    for key, part in node.items():
        if isinstance(part, _Value):
            node[key] = _Value(part.value, max(part.time, time))
        else:
            _stamp(part, time)


def _plain(node: _Node) -> dict[str, Any]:
    return {
        key: copy.deepcopy(part.value) if isinstance(part, _Value) else _plain(part)
        for key, part in node.items()
    }
