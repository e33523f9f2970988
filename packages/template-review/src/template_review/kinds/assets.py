# SPDX-License-Identifier: Apache-2.0
"""What changes inside assets, file by file. A hash tells a reviewer nothing."""

import hashlib
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from template_review.model import Asset, Item, Level, Pair, Section


def read_asset(name: str, path: Path) -> Asset:
    """The files of an archive or a folder, each with a digest."""
    if path.is_dir():
        files = {
            file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:16]
            for file in sorted(path.rglob("*"))
            if file.is_file()
        }
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # The archive's own check sum and size: nothing has to be unpacked.
            files = {
                entry.filename: f"{entry.CRC:08x}-{entry.file_size}"
                for entry in archive.infolist()
                if not entry.is_dir()
            }
    else:
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]}
    return Asset(name, files)


def asset_items(pair: Pair) -> list[Item]:
    """Files added, removed and changed in each asset; installed packages by package."""
    if pair.base is None or pair.head is None:
        return []
    base, head = _by_name(pair.base.assets.values()), _by_name(pair.head.assets.values())
    items: list[Item] = []
    for name in sorted({*base, *head}):
        if name not in base:
            count = len(head[name])
            items.append(_item(Level.SAFE, name, f"new asset with {count} files", "+", ()))
        elif name not in head:
            items.append(_item(Level.SAFE, name, "asset no longer used", "-", ()))
        elif base[name] != head[name]:
            items += _changed(name, base[name], head[name], pair.project.own_code)
    return items


def _changed(
    name: str, old: Mapping[str, str], new: Mapping[str, str], own_code: Collection[str]
) -> list[Item]:
    packages = _packages(old, own_code) | _packages(new, own_code)
    own: list[str] = []
    touched: dict[str, int] = {}
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        top = path.split("/")[0]
        if top in packages or top.endswith(".dist-info"):
            touched[top] = touched.get(top, 0) + 1
        else:
            sign = "+" if path not in old else "-" if path not in new else "~"
            own.append(f"{sign} {path}")
    items = []
    if own:
        items.append(_item(Level.SAFE, name, f"{len(own)} own files differ", "~", own))
    if touched:
        versions = _versions(old), _versions(new)
        details = [
            f"{package}: {versions[0].get(package, 'new')} -> {versions[1].get(package, 'gone')}"
            for package in sorted({*versions[0], *versions[1]})
            if versions[0].get(package) != versions[1].get(package)
        ]
        details += [
            f"{top}: {count} files differ" for top, count in touched.items() if "." not in top
        ]
        items.append(_item(Level.LOOK, name, "installed packages differ", "~", details))
    return items


def _by_name(assets: Iterable[Asset]) -> dict[str, dict[str, str]]:
    """Assets of one name (the same code in several stacks) are one."""
    found: dict[str, dict[str, str]] = {}
    for asset in assets:
        found.setdefault(asset.name, {}).update(asset.files)
    return found


def _versions(files: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for path in files:
        top = path.split("/")[0]
        if top.endswith(".dist-info"):
            package, _, version = top.removesuffix(".dist-info").rpartition("-")
            found[package] = version
    return found


def _packages(files: Mapping[str, str], own: Collection[str]) -> set[str]:
    """The top folders that installed packages own."""
    names = {package.replace("-", "_").lower() for package in _versions(files)}
    tops = {path.split("/")[0] for path in files if "/" in path}
    return {top for top in tops if top.lower() in names or (names and top not in own)}


def _item(level: Level, name: str, text: str, sign: str, details: Iterable[str]) -> Item:
    return Item(Section.ASSETS, level, name, text, sign, tuple(details))
