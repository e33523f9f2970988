# SPDX-License-Identifier: Apache-2.0
"""What a command prints, as an SVG with its colours and no font from the network."""

import io
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

_WIDTH = 122
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_CLIP = re.compile(r"<clipPath id=\"[\w-]+-line-\d+\">.*?</clipPath>\s*", re.DOTALL)
_CLIPPED = re.compile(r" clip-path=\"url\(#[\w-]+-line-\d+\)\"")


class CommandError(Exception):
    """A command whose output was to be drawn failed; the message has the end of its output."""


def output(arguments: list[str], *, folder: Path, allowed: tuple[int, ...] = (0,)) -> str:
    """What a Python module prints at a terminal, colours included. Raises CommandError."""
    variables = {**os.environ, "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0"}
    variables |= {"COLUMNS": str(_WIDTH), "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in allowed:
        end = (done.stdout + done.stderr)[-2000:]
        raise CommandError(f"{' '.join(arguments)}: exit status {done.returncode}:\n{end}")
    return done.stdout


def still(text: str, path: Path, *, command: str) -> None:
    """Write ``text`` (with ANSI colours) as it stands in a terminal, below its command."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_markup(f"[bold green]$[/] {command}"))
    for line in text.rstrip().splitlines():
        console.print(Text.from_ansi(line), highlight=False)
    drawn = console.export_svg(
        title=command,
        theme=SVG_EXPORT_THEME,
        code_format=_FORMAT,
        unique_id=path.stem,
    )
    # Rich clips each line by itself; nothing reaches into another line here.
    path.write_text(_CLIPPED.sub("", _CLIP.sub("", drawn)))


def draw_rehearsal(path: Path, *, root: Path) -> None:
    """Rehearse dev with the drawn samples (minutes), and draw what that printed."""
    with tempfile.TemporaryDirectory() as work:
        text = output(
            ["rehearsal", "--work", f"{work}/rehearsal", "run", "--port", str(_free_port())],
            folder=root,
        )
        text = text.replace(f"{work}/rehearsal", ".rehearsal")
    still(_without_differences(text), path, command="make rehearse")


def draw_review(path: Path, *, root: Path) -> None:
    """Review two changed settings of prod, in a copy of the tree."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "binsight"
        _copy(root, tree)
        file = tree / "environments" / "prod.toml"
        text = file.read_text()
        settings = tomllib.loads(text)
        kept = f"archive_days = {settings['data']['archive_days']}"
        bake = f"bake_minutes = {settings['rollout']['bake_minutes']}"
        for old, new in ((kept, "archive_days = 30"), (bake, "bake_minutes = 5")):
            if old not in text:
                raise CommandError(f"{file.name}: {old!r} is not in it, so it cannot be changed")
            text = text.replace(old, new)
        file.write_text(text)
        found = output(["template_review", "--base", "origin/main"], folder=tree, allowed=(0, 3))
    still(_shortened(found), path, command="make review BASE=origin/main")


def _copy(root: Path, tree: Path) -> None:
    """What is committed, as a clone whose origin/main is what the review compares with."""
    names = (".venv", "node_modules", ".build")
    git = ["git", "-C", str(tree), "-c", "user.name=Binsight", "-c", "user.email=nobody@localhost"]
    subprocess.run(["git", "clone", "--quiet", "--shared", str(root), str(tree)], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "Yesterday"], check=True)
    subprocess.run([*git, "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)
    (tree / ".git" / "info" / "exclude").write_text("\n".join(names) + "\n")
    for name in names:
        if (root / name).exists():
            (tree / name).symlink_to((root / name).resolve())


def _without_differences(text: str) -> str:
    """The list of what differs from AWS is too long for a still; docs/limits.md refers to it."""
    return re.split(r"^What (?:differs from AWS|the local AWS does)", text, flags=re.MULTILINE)[0]


def _shortened(text: str, most: int = 42) -> str:
    lines = text.rstrip().splitlines()
    more = len(lines) - most
    return "\n".join([*lines[:most], f"  ... {more} more lines"] if more > 0 else lines)


def _free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
