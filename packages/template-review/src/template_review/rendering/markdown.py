# SPDX-License-Identifier: Apache-2.0
"""A review as Markdown: the verdict and its reasons first, then section by section."""

from collections.abc import Iterator, Sequence

from template_review.model import Level, Project, Section
from template_review.review import Review
from template_review.verdict import Noted

MARK = {Level.SAFE: "🟢", Level.LOOK: "🟡", Level.DANGEROUS: "🔴"}
DETAILS = 12
"""More lines than this under one item hide the rest of the review."""
REASONS = 15
"""More reasons than this are no summary."""


def markdown(review: Review) -> str:
    """The whole of review.md."""
    lines = [
        f"# {MARK[review.level]} Template review: {review.level.words}",
        "",
        f"The working tree against {review.base}. {review.note}".rstrip(),
        "",
        *_environments(review),
        *_reasons(review.noted),
    ]
    for section in Section:
        found = [noted for noted in review.noted if noted.item.section is section]
        if not found:
            continue
        lines += [f"## {section}", ""]
        lines += _table(found) if section is Section.RESOURCES else _list(found)
        if section is Section.COST:
            lines.append(f"- {cost_note(review.project)}")
        lines.append("")
    if review.unchanged:
        lines += ["Nothing differs in any template, asset or rule finding.", ""]
    return "\n".join(lines).rstrip() + "\n"


def cost_note(project: Project) -> str:
    """Which prices and which use the cost figures are for."""
    prices = project.prices
    return (
        f"An estimate by list prices of {prices.as_of} ({prices.source}; {prices.checked}) "
        f"for {project.use.words}. Types without a price count as nothing."
    )


def _environments(review: Review) -> Iterator[str]:
    counted = "added | removed | changed | replaced"
    money = f"estimated $ a month ({review.project.prices.words})"
    yield f"| environment | verdict | {counted} | {money} |"
    yield "|---|---|---|---|---|---|---|"
    for each in review.environments:
        counts = " | ".join(str(each.counts[sign]) for sign in "+-~!")
        before, after = _dollars(each.cost_before), _dollars(each.cost_after)
        cost = after if before == after else f"{before} -> {after}"
        yield f"| {each.name} | {MARK[each.level]} {each.level.words} | {counts} | {cost} |"
    yield ""


def _reasons(noted: Sequence[Noted]) -> Iterator[str]:
    dangerous = [each for each in noted if each.item.level is Level.DANGEROUS]
    look = [each for each in noted if each.item.level is Level.LOOK]
    for level, found in ((Level.DANGEROUS, dangerous), (Level.LOOK, look)):
        if not found:
            continue
        # Beside something dangerous, what else to look at is said in the sections below.
        if level is Level.LOOK and (dangerous or len(found) > REASONS):
            things = "One thing" if len(found) == 1 else f"{len(found)} things"
            verb = "is" if len(found) == 1 else "are"
            yield f"{things} to look at closely {verb} marked {MARK[level]} below."
        else:
            yield f"**{level.words.capitalize()}**, because:"
            yield ""
            yield from (_line(each) for each in found)
        yield ""


def _line(noted: Noted) -> str:
    item = noted.item
    text = _escaped(item.text)
    return f"- {MARK[item.level]} {_code(item.subject)}: {text} ({_where(noted)})"


def _table(noted: Sequence[Noted]) -> Iterator[str]:
    yield "| | resource | what happens | environments |"
    yield "|---|---|---|---|"
    for each in _sorted(noted):
        item = each.item
        text = _escaped(item.text).replace("|", "\\|")
        sign = {"!": "**replace**", "+": "add", "-": "remove"}.get(item.sign, "change")
        yield f"| {MARK[item.level]} {sign} | {_code(item.subject)} | {text} | {_where(each)} |"


def _list(noted: Sequence[Noted]) -> Iterator[str]:
    for each in _sorted(noted):
        item = each.item
        yield _line(each)
        for detail in item.details[:DETAILS]:
            yield f"  - {_code(detail)}"
        if len(item.details) > DETAILS:
            yield f"  - and {len(item.details) - DETAILS} more"


def _sorted(noted: Sequence[Noted]) -> list[Noted]:
    return sorted(noted, key=lambda each: (-each.item.level, each.item.subject, each.item.text))


def _where(noted: Noted) -> str:
    return ", ".join(noted.environments)


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{' '.join(text.split())}{fence}"


def _escaped(text: str) -> str:
    """Wildcards and placeholders are text, not Markdown; ** and `code` of the sections stay."""
    parts = text.split("`")
    # Without a partner a backtick is text.
    spans = len(parts) if len(parts) % 2 else len(parts) - 1
    return "`".join(
        part if index % 2 and index < spans - 1 else _plain(part)
        for index, part in enumerate(parts)
    )


def _plain(text: str) -> str:
    kept = text.replace("**", "\0")
    for sign in ("*", "_", "<"):
        kept = kept.replace(sign, f"\\{sign}")
    return kept.replace("\0", "**")


def _dollars(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:.0f}"
