# SPDX-License-Identifier: Apache-2.0
"""The fleet as lines of text, and the words shared by table and page."""

from collections import Counter
from collections.abc import Iterator

from contracts.fleet import Camera
from tools.fleet_state import Fleet

HEADINGS = (
    "camera", "state", "last seen", "model", "program", "items", "unsure", "drift", "problem",
)  # fmt: skip
STATES = ("silent", "broken", "refused", "problem", "ok")
"""The worst first."""


def state_of(camera: Camera) -> str:
    """One of STATES."""
    if camera.silent_since_ms is not None or camera.last_seen_ms is None:
        return "silent"
    if camera.broken:
        return "broken"
    if camera.refused:
        return "refused"
    return "problem" if camera.problems else "ok"


def ago(at_ms: int, moment_ms: int | None) -> str:
    """How long before ``at_ms``, in the largest unit."""
    if moment_ms is None:
        return "never"
    seconds = max(0, (at_ms - moment_ms) // 1000)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def site_of(camera: Camera) -> str:
    return str(camera.telemetry.get("site") or "no site")


def cells(fleet: Fleet, camera: Camera) -> tuple[str, ...]:
    """The cells of a camera's row, in the order of HEADINGS."""
    today = fleet.today.get(camera.thing, {})
    drift = camera.telemetry.get("drift")
    unsure = today.get("unsure")
    wrong = [*camera.problems, *(f"{one} is broken" for one in camera.broken)]
    if camera.refused:
        wrong.append(f"program refused: {camera.refused}")
    return (
        camera.thing,
        state_of(camera),
        ago(fleet.at_ms, camera.last_seen_ms),
        str((camera.telemetry.get("model") or {}).get("version") or "-"),
        str(camera.telemetry.get("program") or "-"),
        str(today.get("items") or ("0" if fleet.today else "-")),
        "-" if unsure is None else f"{100 * float(unsure):.0f} %",
        "-" if drift is None else f"{float(drift):.2f}",
        "; ".join(wrong),
    )


def by_site(fleet: Fleet) -> list[tuple[str, Counter[str]]]:
    """How many cameras of each site are in which state; states that need attention come first."""
    sites: dict[str, Counter[str]] = {}
    for camera in fleet.cameras:
        sites.setdefault(site_of(camera), Counter())[state_of(camera)] += 1
    return sorted(sites.items(), key=lambda one: (one[1]["ok"] - one[1].total(), one[0]))


def versions(fleet: Fleet) -> list[tuple[str, int]]:
    """Model versions and how many cameras run them."""
    found = Counter(
        str((one.telemetry.get("model") or {}).get("version") or "none") for one in fleet.cameras
    )
    return found.most_common()


def in_no_bin(fleet: Fleet) -> list[tuple[str, int]]:
    """Classes that the bin policy does not name, and how many cameras report each."""
    said = (one.telemetry.get("unnamed") for one in fleet.cameras)
    return Counter(str(classes) for classes in said if classes).most_common()


def by_bin(fleet: Fleet) -> list[tuple[str, int, int]]:
    """Each bin, its items of the last day in the archive's answer, and of all its days.

    The city's bins come first, in its order; then those that it had before.
    """
    last = max((str(row["date"]) for row in fleet.items), default="")
    today: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in fleet.items:
        total[row["bin"]] += int(row["items"])
        today[row["bin"]] += int(row["items"]) * (row["date"] == last)
    names = [*fleet.bins.bin_names, *sorted(total.keys() - {*fleet.bins.bin_names})]
    return [(name, today[name], total[name]) for name in names]


def ordered(fleet: Fleet) -> list[Camera]:
    """The cameras; those that need attention come first."""
    return sorted(fleet.cameras, key=lambda one: (STATES.index(state_of(one)), one.thing))


def summary(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """The summary of the whole fleet: names and values."""
    states = Counter(state_of(one) for one in fleet.cameras)
    yield "cameras", str(len(fleet.cameras))
    for state in STATES:
        yield state, str(states[state])
    reached = sum(one.reached for one in fleet.cameras)
    yield "on the current program", str(reached)
    for classes, count in in_no_bin(fleet):
        cameras = "1 camera" if count == 1 else f"{count} cameras"
        yield "in no bin", f"{classes} ({cameras}), sent to {fleet.bins.default}"
    yield "models", ", ".join(f"{name}: {count}" for name, count in versions(fleet)) or "-"
    if fleet.budget_usd is not None:
        spent = "unknown" if fleet.spent_usd is None else f"{fleet.spent_usd:,.2f} USD"
        yield "cost of this month", f"{spent} of {fleet.budget_usd:,.0f} USD"


def table(fleet: Fleet) -> str:
    """The whole fleet for a terminal."""
    lines = [f"{name:24}{value}" for name, value in summary(fleet)]
    lines += [""]
    for site, states in by_site(fleet):
        said = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
        lines.append(f"{site:24}{said}")
    if fleet.items:
        lines += ["", *(f"{name:24}{total} items" for name, _, total in by_bin(fleet))]
    rows = [HEADINGS, *(cells(fleet, one) for one in ordered(fleet))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += [""]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in fleet.notes)])
