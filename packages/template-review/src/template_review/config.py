# SPDX-License-Identifier: Apache-2.0
"""How a project configures the review: ``[tool.template-review]`` in its pyproject.toml."""

import importlib
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from template_review.cost.prices import read_prices
from template_review.errors import ReviewError
from template_review.model import Project

TABLE = "tool.template-review"
ONLY = "default"
"""The name of the one environment of an app that has no others."""


@dataclass(frozen=True)
class Config:
    """The table, with defaults for an ordinary CDK app."""

    plugin: str = ""
    """``module:NAME`` of a ``template_review.model.Project``, imported from the project's root."""
    prices: str = ""
    """A TOML file that replaces the package's price table (cost/prices.toml has the form)."""
    environments: str | Sequence[str] = (ONLY,)
    """Names, or a glob of files whose stems are the names, such as ``environments/*.toml``."""
    environment_context: str = "environment"
    """The context key by which the app's own command gets an environment's name."""
    environment_variable: str = ""
    """A variable by which it gets the name as well."""
    prefix_key: str = ""
    """In TOML files of ``environments``: the key whose value begins names in that environment."""
    build: str = ""
    """``module:function``: builds one environment as ``function(app, name)``, all of them in one
    process. Without it the app's own command runs once for each environment."""
    irrelevant: Sequence[str] = (".github", "docs", "tests")
    """Top folders and files that no template depends on: a change of one synthesises nothing."""
    link: Sequence[str] = (".venv", "node_modules")
    """Globs of what is not in git and is linked into the unpacked base, such as packages."""
    copy: Sequence[str] = ()
    """The same for single files, which get a second name there (or a copy) and no link."""
    locks: Sequence[str] = ("uv.lock", "requirements.txt", "package-lock.json")
    """Lock files: the review says when the base pins other packages than it is synthesised with."""
    hidden_variables: Sequence[str] = ()
    """Variables that begin like this are withheld from synths, as those of AWS and the CDK are."""
    cache: str = ".template-review"
    """The folder that remembers assemblies; add it to .gitignore."""
    project: Project = field(default_factory=Project)
    """The plug-in that ``plugin`` names; no key of the table."""


def load(root: Path) -> Config:
    """The configuration of a project. Raises ReviewError naming the file, the key and its form."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return Config()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ReviewError(f"{path}: not readable: {error}") from error
    table = (document.get("tool") or {}).get("template-review") or {}
    config = Config(**{key.replace("-", "_"): _checked(path, key, table[key]) for key in table})
    project = _plugin(root, path, config.plugin)
    if config.prices:
        project = replace(project, prices=read_prices(root / config.prices))
    return replace(config, project=project)


def _checked(path: Path, key: str, value: Any) -> Any:
    defaults = {each.name.replace("_", "-"): each.default for each in fields(Config)}
    del defaults["project"]
    if key not in defaults:
        allowed = ", ".join(sorted(defaults))
        raise ReviewError(f"{path}: {TABLE}.{key}: no such key; allowed: {allowed}")
    forms = ["a text"] if isinstance(defaults[key], str) or key == "environments" else []
    forms += [] if isinstance(defaults[key], str) else ["a list of texts"]
    if isinstance(value, str) and "a text" in forms:
        return value
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if listed and "a list of texts" in forms:
        return tuple(value)
    raise ReviewError(f"{path}: {TABLE}.{key} = {value!r}: allowed: {' or '.join(forms)}")


def _plugin(root: Path, path: Path, name: str) -> Project:
    if not name:
        return Project()
    module, _, attribute = name.partition(":")
    where = f"{path}: {TABLE}.plugin = {name!r}"
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ReviewError(f"{where}: not importable as module:NAME from {root}: {error}") from error
    if not isinstance(found, Project):
        raise ReviewError(f"{where}: a template_review.model.Project is needed")
    return found


def names(config: Config, tree: Path) -> list[str]:
    """The environments of a tree, sorted."""
    if isinstance(config.environments, str):
        # Editors and macOS put hidden files beside the one that is edited.
        found = [path for path in tree.glob(config.environments) if not path.name.startswith(".")]
        return sorted(path.stem for path in found if not path.is_dir())
    return sorted(config.environments)


def prefix_of(config: Config, tree: Path, environment: str) -> str:
    """The prefix that an environment's file sets; empty where it has none."""
    if not config.prefix_key or not isinstance(config.environments, str):
        return ""
    for path in tree.glob(config.environments):
        if path.stem == environment:
            return str(_toml(path).get(config.prefix_key, ""))
    return ""


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
