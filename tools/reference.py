# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages of docs/ from the code: ``make reference``.

Settings come from infra/config with the comments of tools/templates/environment.toml, messages from
contracts/, AWS's limits from infra/config/limits.py, alarms from the snapshot of prod, questions
from infra/insights, commands from the Makefile, decisions from docs/adr.
"""

import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from annotated_types import Ge, Le, MaxLen
from pydantic import AfterValidator
from pydantic_core import PydanticUndefined

from contracts.command_line import run_command
from contracts.detection import Detection
from contracts.messages import items
from contracts.telemetry import Answer, Telemetry
from infra.config import limits
from infra.config.base import Section, keys_of
from infra.config.errors import pattern_in_words
from infra.config.settings import Settings
from infra.insights.questions import QUESTIONS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TEMPLATE = ROOT / "tools" / "templates" / "environment.toml"
INSIGHTS = ROOT / "tests" / "synth" / "snapshots" / "prod" / "Insights.json"
HELP = ROOT / "tools" / "help.awk"
_NOTE = "<!-- Written by `make reference` from {source}. Do not edit by hand. -->"
_PLACEHOLDERS = {"boundary": "permissions_boundary", "email": "alert_email"}
"""Lines of the template that a program writes whole, and the key in each."""
_KEY = re.compile(r"^(?:# )?(\w+) = (?:\".*?\"|[^#]*?)\s*(?:# ?(.*))?$")


def pages() -> dict[Path, str]:
    """The expected content of every generated page, by path."""
    return {
        DOCS / "reference" / "settings.md": settings_page(),
        DOCS / "reference" / "messages.md": messages_page(),
        DOCS / "reference" / "aws-limits.md": limits_page(),
        DOCS / "reference" / "alarms.md": alarms_page(),
        DOCS / "reference" / "questions.md": questions_page(),
        DOCS / "reference" / "commands.md": commands_page(),
        DOCS / "adr" / "README.md": decisions_page(),
    }


def settings_page() -> str:
    """Every key of an environment file: type, default, what is allowed, what it means."""
    lines = _head("Settings", "infra/config and tools/templates/environment.toml")
    lines += [
        "Every key of `environments/<name>.toml`. A value that is not allowed stops synth with the",
        "file, the key, the value and what is allowed.",
    ]
    comments = template_comments(TEMPLATE.read_text(encoding="utf-8"))
    sections: dict[str, type[Section]] = {"": Settings}
    for name, found in Settings.model_fields.items():
        if isinstance(found.annotation, type) and issubclass(found.annotation, Section):
            sections[name] = found.annotation
    for section, model in sections.items():
        title = f"`[{section}]`" if section else "Top of the file"
        lines += ["", f"## {title}", "", _doc(model), ""]
        lines += ["| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
        for key, found in keys_of(model).items():
            if key in sections:
                continue
            kind, rules = _unwrapped(found.annotation, list(found.metadata))
            default = _default(found.default, found.default_factory)
            allowed = "; ".join(_allowed(kind, rules))
            meaning = comments.get((section, key), "")
            lines.append(f"| `{key}` | {_type(kind)} | {default} | {allowed} | {meaning} |")
    return "\n".join(lines) + "\n"


def template_comments(text: str) -> dict[tuple[str, str], str]:
    """By section and key: the comment beside the key in the template, else the one above it."""
    found: dict[tuple[str, str], str] = {}
    section, above, last, beside = "", [""], None, False
    for line in [*text.splitlines(), ""]:
        if header := re.fullmatch(r"(?:# )?\[([\w.]+)\]", line):
            section = header[1]
            # A table is a key of the section above it, so its comment is that key's.
            outer, _, key_name = section.rpartition(".")
            found[outer, key_name] = " ".join(above)
            above, last = [], None
        elif placeholder := re.match(r"\$(\w+)\s*(?:# ?(.*))?$", line):
            last, beside = (section, _PLACEHOLDERS[placeholder[1]]), bool(placeholder[2])
            found[last] = placeholder[2] or " ".join(above)
        elif (key := _KEY.match(line)) and not line.startswith("# See"):
            last, beside = (section, key[1]), bool(key[2])
            found[last] = key[2] or " ".join(above)
        elif line.startswith("#"):
            above = [*(above if last is None else []), line.removeprefix("#").strip()]
            last = None
        elif line.strip().startswith("#") and last is not None and beside:
            found[last] += " " + line.strip().removeprefix("#").strip()
        elif not line:
            above, last = [], None
    return {key: _cell(text.replace("$prefix", "<prefix>")) for key, text in found.items()}


def messages_page() -> str:
    """The fields of what a camera publishes."""
    lines = _head("Messages", "contracts/")
    lines += [
        "Cameras publish JSON on `<topic_prefix>/<thing>/detections` and `.../telemetry`, and take",
        "commands on `.../commands` ([camera program](../camera.md#commands)). Rules select one",
        "version of `schema` and ignore others, so a newer camera can be rolled out before the",
        "cloud understands it.",
        "",
        "JSON Schemas (2020-12) to validate with: `contracts/schema/detection.json` and",
        "`contracts/schema/telemetry.json`. They allow keys that they do not name, because a newer",
        "camera may send more.",
    ]
    titles = {Detection: "Detection", Telemetry: "Telemetry", Answer: "Answer in telemetry"}
    for model, title in titles.items():
        lines += ["", f"## {title}", "", _doc(model), ""]
        lines += ["| field | type | | meaning |", "|---|---|---|---|"]
        for item in items(model):
            kind, needed = _type_name(item.kind), "required" if item.required else "optional"
            lines.append(f"| `{item.key}` | {kind} | {needed} | {_cell(item.about.meaning)} |")
    return "\n".join(lines) + "\n"


def limits_page() -> str:
    """Limits that AWS enforces at creation and no schema contains."""
    lines = _head("AWS limits", "infra/config/limits.py")
    lines += [
        "AWS checks these limits only when a resource is created, and no resource schema contains",
        "them. Settings that would exceed one are refused when they are read, templates at synth.",
        *("", "| at most | of what | source |", "|---|---|---|"),
    ]
    for value in vars(limits).values():
        if isinstance(value, limits.Limit):
            lines.append(f"| {value.most:,} | {value.unit} | {value.source} |")
    lines += [
        "",
        "## Names",
        "",
        "| resource type | property | at most characters |",
        "|---|---|---|",
    ]
    for kind, (key, limit) in sorted(limits.NAMES.items()):
        lines.append(f"| {kind} | {key} | {limit.most} |")
    return "\n".join(lines) + "\n"


def alarms_page() -> str:
    """The alarms of prod, each of which publishes to the alerts topic."""
    lines = _head("Alarms", "the snapshot of prod")
    lines += [
        "Each alarm publishes to the alerts topic; `insights.alert_email` receives its messages.",
        "Thresholds come from `[insights]` ([settings](settings.md#insights)).",
        *("", "| alarm | what happened |", "|---|---|"),
    ]
    resources = json.loads(INSIGHTS.read_text(encoding="utf-8"))["Resources"]
    for name, resource in sorted(resources.items()):
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            # The logical id without the construct that holds all alarms and without its hash.
            alarm = re.fullmatch(r"(?:Alerts)?(\w+?)[0-9A-F]{8}", name)
            text = _cell(resource["Properties"]["AlarmDescription"])
            lines.append(f"| `{alarm[1] if alarm else name}` | {text} |")
    return "\n".join(lines) + "\n"


def questions_page() -> str:
    """The named queries of the archive."""
    lines = _head("Questions to the archive", "infra/insights/questions.py")
    lines += [
        "Named queries in Athena, in the workgroup of the environment. Each reads only the last",
        "days of the archive of detections and telemetry.",
        *("", "| query | question |", "|---|---|"),
        *(f"| `{each.name}` | {_cell(each.answers)} |" for each in QUESTIONS),
    ]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """What make can do, in the order of its help."""
    lines = _head("Commands", "the Makefile")
    lines.append(
        "`make` lists these too. `ENV=<name>` names a file in `environments/`. Values count after "
        "`make` only (`make deploy ENV=prod`); those of your shell are not used."
    )
    for group, commands in makefile_commands((ROOT / "Makefile").read_text(encoding="utf-8")):
        lines += ["", f"## {group}", "", "| command | what it does |", "|---|---|"]
        lines += [f"| `make {name}` | {_cell(text)} |" for name, text in commands]
    return "\n".join(lines) + "\n"


def makefile_commands(makefile: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """By group, in the order of `make help`: the targets and their help."""
    titles = dict(re.findall(r'title\["(\w+)"\] = "(.*)"', HELP.read_text(encoding="utf-8")))
    found = re.findall(r"^([a-z-]+):.*?## @(\w+) (.*)", makefile, re.MULTILINE)
    return [
        (title, [(name, text) for name, group, text in found if group == key])
        for key, title in titles.items()
    ]


def decisions_page() -> str:
    """The architecture decision records, newest last."""
    lines = _head("Decisions", "docs/adr")
    lines += [
        "Architecture decision records: context, decision, consequences, what was rejected.",
        "",
    ]
    for path in sorted((DOCS / "adr").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"


def _head(title: str, source: str) -> list[str]:
    return [f"# {title}", "", _NOTE.format(source=source), ""]


def _doc(model: type) -> str:
    return " ".join(inspect.cleandoc(model.__doc__ or "").replace("``", "`").split())


def _cell(text: str) -> str:
    """Text that neither ends a cell of a table nor begins an HTML element, except in backquotes."""
    parts = text.replace("|", "\\|").strip().split("`")
    return "`".join(
        part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts)
    )


def _unwrapped(annotation: Any, rules: list[Any]) -> tuple[Any, list[Any]]:
    """The bare type of a field and its rules; pydantic leaves them inside where None is allowed."""
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    if type(None) in typing.get_args(annotation) and len(arguments) == 1:
        return _unwrapped(arguments[0], rules)
    if typing.get_origin(annotation) is typing.Annotated:
        kind, *inner = typing.get_args(annotation)
        for each in inner:
            rules = [*rules, *getattr(each, "metadata", [each])]
        return _unwrapped(kind, rules)
    return annotation, rules


def _type(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "text" if isinstance(typing.get_args(kind)[0], str) else "whole number"
    if typing.get_origin(kind) is dict:
        return "table of texts"
    return {bool: "true or false", int: "whole number", float: "number", str: "text"}[kind]


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _default(value: Any, factory: Any) -> str:
    if factory is not None:
        return "empty"
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "not set"
    shown = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else None
    return (
        f"`{shown or (repr(value) if not isinstance(value, str) else chr(34) + value + chr(34))}`"
    )


def _allowed(kind: Any, rules: list[Any]) -> Iterator[str]:
    if typing.get_origin(kind) is typing.Literal:
        yield ", ".join(f"`{value}`" for value in typing.get_args(kind))
    low = next((rule.ge for rule in rules if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in rules if isinstance(rule, Le)), None)
    if low is not None:
        yield f"{low:,} to {high:,}"
    for rule in rules:
        if pattern := getattr(rule, "pattern", None):
            yield _cell(pattern_in_words(pattern))
        if isinstance(rule, MaxLen):
            yield f"at most {rule.max_length} characters"
        if isinstance(rule, AfterValidator):
            wrong: Any = "?" if kind is str else {"each": "", "": ""}
            if low is not None:
                wrong = int(str(low)) + 1
            yield _cell(_refusal(rule.func, wrong)).partition(", not ''")[0]


def _refusal(check: Callable[..., Any], value: Any) -> str:
    """What is allowed according to a check's error message."""
    # Some look at the section's earlier keys too; here they have their defaults.
    earlier = (SimpleNamespace(data={"colours": {}}),)
    try:
        check(value, *earlier[: len(inspect.signature(check).parameters) - 1])
    except ValueError as error:
        return str(error)
    raise ValueError(f"{check}: takes {value!r}, so it does not say what is allowed")


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(run_command(main))
