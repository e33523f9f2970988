# SPDX-License-Identifier: Apache-2.0
"""Finds environments that would collide with each other."""

from collections.abc import Callable, Iterator, Mapping

from infra.config.settings import Settings, SettingsError, folder, load, names

_SHARED: Mapping[str, tuple[Callable[[Settings], str], str]] = {
    "prefix": (lambda one: one.prefix, "stacks and thing groups of both would have one name"),
    "camera.topic_prefix": (
        lambda one: one.camera.topic_prefix,
        "each one's IoT rules would read the messages of both",
    ),
}


def collisions(environments: Mapping[str, Settings]) -> Iterator[str]:
    """Names shared by two environments of one account and region, one line each with both files."""
    for key, (value_of, consequence) in _SHARED.items():
        seen: dict[tuple[str, str, str], str] = {}
        for name, one in sorted(environments.items()):
            place = (one.account, one.region, value_of(one))
            first = seen.setdefault(place, name)
            if first != name:
                yield (
                    f"{folder() / first}.toml and {folder() / name}.toml: both have {key} = "
                    f"{place[2]!r} in account {one.account}, {one.region}: {consequence}; "
                    f"set a different {key} in one of the two files"
                )


def require_distinct(name: str) -> Settings:
    """The settings of one environment; SettingsError if another one collides with it.

    Other files that cannot be read are ignored: loading them reports their faults.
    """
    chosen = load(name)
    readable = {name: chosen}
    for other in names():
        try:
            readable.setdefault(other, load(other))
        except SettingsError:
            continue
    own = [line for line in collisions(readable) if f"{folder() / name}.toml" in line]
    if own:
        raise SettingsError("\n".join(own))
    return chosen
