# SPDX-License-Identifier: Apache-2.0
"""A review on the terminal: the verdict, its reasons, then what else changes."""

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from template_review.model import Level, Section
from template_review.rendering.markdown import DETAILS, cost_note
from template_review.review import Review

LETTERS = {Level.SAFE: "", Level.LOOK: "look", Level.DANGEROUS: "DANGEROUS"}
STYLE = {Level.SAFE: "green", Level.LOOK: "yellow", Level.DANGEROUS: "bold red"}


class _PipedConsole(Console):
    """Leaves a closed pipe to the caller; rich's own console would end the program with 1."""

    def on_broken_pipe(self) -> None:
        """Rich calls this while it handles the BrokenPipeError."""
        raise BrokenPipeError


def show(review: Review, console: Console | None = None) -> None:
    """Print the review; colours only where the output is a terminal.

    Raises BrokenPipeError if nobody reads the output any more.
    """
    out = console or _PipedConsole(highlight=False)
    title = Text(review.level.words.upper(), style=STYLE[review.level])
    title.append(f"\nthe working tree against {review.base}", style="default")
    out.print(Panel(title, title="Template review", title_align="left", expand=False))
    if review.note:
        out.print(review.note)
    out.print(_environments(review))
    if review.unchanged:
        out.print("Nothing differs in any template, asset or rule finding.")
    for section in Section:
        found = [each for each in review.noted if each.item.section is section]
        if not found:
            continue
        out.print(Text(f"\n{section}", style="bold"))
        for each in sorted(found, key=lambda noted: (-noted.item.level, noted.item.subject)):
            item = each.item
            # The level in letters too: logs have no colours.
            line = Text(f"  {LETTERS[item.level]:9} {item.sign} ", style=STYLE[item.level])
            line.append(f"{item.subject}: ", style="bold")
            line.append(item.text.replace("**", ""), style=STYLE[item.level])
            line.append(f" ({', '.join(each.environments)})", style="dim")
            out.print(line, soft_wrap=True)
            for detail in item.details[:DETAILS]:
                out.print(Text(f"      {detail}", style="dim"), soft_wrap=True)
            if len(item.details) > DETAILS:
                out.print(Text(f"      and {len(item.details) - DETAILS} more", style="dim"))
        if section is Section.COST:
            out.print(Text(f"    {cost_note(review.project)}", style="dim"), soft_wrap=True)


def _environments(review: Review) -> Table:
    table = Table(box=None, pad_edge=False)
    money = f"$ a month ({review.project.prices.words})"
    for name in ("environment", "verdict", "added", "removed", "changed", "replaced", money):
        table.add_column(name)
    for each in review.environments:
        before, after = each.cost_before, each.cost_after
        amounts = [f"{amount:.0f}" for amount in (before, after) if amount is not None]
        table.add_row(
            each.name,
            Text(each.level.words, style=STYLE[each.level]),
            *(str(each.counts[sign]) for sign in "+-~!"),
            " -> ".join(dict.fromkeys(amounts)),
        )
    return table
