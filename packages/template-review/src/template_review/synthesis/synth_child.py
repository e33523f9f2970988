# SPDX-License-Identifier: Apache-2.0
"""Runs inside a tree (head or base) and synthesises its environments in one process.

Started by synthesise.py beside it with the tree as working directory; it imports nothing of the
review, because the tree may be of another time. Arguments: ``module:function``, output folder,
environments, and after "--" files of further apps with ``available(tree)`` and
``build(app, name)``. Exit status 3: this tree's module has no ``function(app, name)``.
"""

import ast
import gc
import importlib
import json
import runpy
import sys
from pathlib import Path
from typing import Any

NO_BUILD_FUNCTION = 3


def main() -> int:
    """Write one assembly per environment and status.json: {environment: error or null}."""
    module, _, function = sys.argv[1].partition(":")
    output, names = Path(sys.argv[2]), sys.argv[3:]
    more: list[str] = []
    if "--" in names:
        names, more = names[: names.index("--")], names[names.index("--") + 1 :]
    # The first entry is the review's own folder; modules come from the tree.
    sys.path[0] = str(Path.cwd())
    sys.dont_write_bytecode = True
    gc.disable()  # what a synth makes lives until its end
    if not _has_function(Path(*module.split(".")).with_suffix(".py"), function):
        return NO_BUILD_FUNCTION
    try:
        build = getattr(importlib.import_module(module), function)
    except Exception:  # noqa: BLE001 - the app's own command says what is wrong with it
        return NO_BUILD_FUNCTION
    import aws_cdk  # noqa: PLC0415

    context = json.loads(Path("cdk.json").read_text(encoding="utf-8-sig")).get("context") or {}
    status: dict[str, str | None] = {}
    for name in names:
        try:
            one = aws_cdk.App(outdir=str(output / name), context=context, analytics_reporting=False)
            build(one, name)
            one.synth()
            status[name] = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported with its name
            status[name] = f"{type(error).__name__}: {error}"
        for number, file in enumerate(more):
            another = f"{name}+{number}"
            try:
                _another(file, output / another, name, context)
            except Exception as error:  # noqa: BLE001 - as above
                status[another] = f"{type(error).__name__}: {error}"
    (output / "status.json").write_text(json.dumps(status), encoding="utf-8")
    return 0


def _another(file: str, folder: Path, name: str, context: dict[str, Any]) -> None:
    """Synthesise one more app of this tree, if the tree has it."""
    import aws_cdk  # noqa: PLC0415

    known = runpy.run_path(file)
    if known["available"](Path.cwd()):
        one = aws_cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
        known["build"](one, name)
        one.synth()


def _has_function(file: Path, name: str) -> bool:
    """Read, not imported: an app without it does all its work when it is imported."""
    if not file.is_file():
        return False
    return any(
        isinstance(each, ast.FunctionDef) and each.name == name and len(each.args.args) == 2
        for each in ast.parse(file.read_text(encoding="utf-8")).body
    )


if __name__ == "__main__":
    sys.exit(main())
