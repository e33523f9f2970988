# SPDX-License-Identifier: Apache-2.0
"""The fleet as one HTML page: no server, no other file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from contracts.bins import as_text
from tools.fleet_state import Fleet
from tools.fleet_table import (
    HEADINGS,
    STATES,
    by_bin,
    by_site,
    cells,
    ordered,
    site_of,
    summary,
)

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--bad:#b3261e;--warn:#8a5a00;--ok:#146c2e}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--warn:#ffd180;--ok:#7ee29a}}
body{font:16px/1.4 system-ui,sans-serif;margin:0 auto;max-width:80rem;padding:1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.5rem;margin:0}
dl div{border:1px solid var(--line);border-radius:.5rem;padding:.5rem}
dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.short{max-height:22rem;overflow-y:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
td:last-child{white-space:normal;min-width:12rem}thead th{position:sticky;top:0;background:Canvas}
.silent,.broken{color:var(--bad)}.refused,.problem{color:var(--warn)}.ok{color:var(--ok)}
.bin{color:#fff;border-radius:1rem;padding:0 .6rem;font-weight:600}
form{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
input,select{font:inherit;padding:.4rem;min-height:2.75rem;box-sizing:border-box}
"""
_SCRIPT = """
const rows=[...document.querySelectorAll('#cameras tbody tr')],name=document.getElementById('name'),
state=document.getElementById('state'),shown=document.getElementById('shown');
function look(){let n=0;for(const r of rows){const s=r.cells[1].className,
t=r.textContent.toLowerCase()+' '+(r.title||'').toLowerCase();
r.hidden=!(t.includes(name.value.toLowerCase())&&(!state.value||s===state.value));n+=!r.hidden}
shown.textContent=n+' of '+rows.length+' cameras'}
name.oninput=state.onchange=look;look();
"""


def page(fleet: Fleet) -> str:
    """The page's HTML."""
    title = f"Cameras of {escape(fleet.environment)}"
    moment = datetime.fromtimestamp(fleet.at_ms / 1000, UTC)
    return "".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width,initial-scale=1'>",
            f"<title>{title}</title><style>{_STYLE}</style>",
            f"<h1>{title}</h1><p>As of <time>{moment:%Y-%m-%d %H:%M:%S} UTC</time></p>",
            "<main><dl>",
            *(
                f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
                for name, value in summary(fleet)
            ),
            "</dl>",
            *(f"<p role=note>{escape(note)}</p>" for note in fleet.notes),
            *_sites(fleet),
            *_bins(fleet),
            *_quality(fleet),
            *_cameras(fleet),
            f"</main><script>{_SCRIPT}</script></html>",
        ]
    )


def _sites(fleet: Fleet) -> Iterator[str]:
    yield "<h2 id=s>Sites</h2>"
    yield "<div class='scroll short' tabindex=0 role=region aria-labelledby=s><table>"
    yield "<thead><tr><th scope=col>site" + "".join(f"<th scope=col>{one}" for one in STATES)
    yield "<tbody>"
    for site, states in by_site(fleet):
        yield f"<tr><th scope=row>{escape(site)}"
        yield from (f"<td>{states[one] or ''}" for one in STATES)
    yield "</table></div>"


def _bins(fleet: Fleet) -> Iterator[str]:
    if not fleet.items:
        return
    yield "<h2 id=b>Items by bin</h2>"
    yield "<div class=scroll tabindex=0 role=region aria-labelledby=b><table><thead><tr>"
    yield "<th scope=col>bin<th scope=col>last day<th scope=col>last 7 days<tbody>"
    for name, today, total in by_bin(fleet):
        colour = as_text(fleet.bins.colour(name))
        yield f"<tr><th scope=row><span class=bin style='background:{colour}'>{escape(name)}</span>"
        yield f"<td>{today}<td>{total}"
    yield "</table></div>"


def _quality(fleet: Fleet) -> Iterator[str]:
    if not fleet.quality:
        return
    names = list(fleet.quality[0])
    yield "<h2 id=q>Confidence by model version</h2>"
    yield "<div class=scroll tabindex=0 role=region aria-labelledby=q><table><thead><tr>"
    yield from (f"<th scope=col>{escape(name)}" for name in names)
    yield "<tbody>"
    for row in fleet.quality:
        yield "<tr>" + "".join(f"<td>{escape(str(row[name]))}" for name in names)
    yield "</table></div>"


def _cameras(fleet: Fleet) -> Iterator[str]:
    yield "<h2 id=c>Cameras</h2><form onsubmit='return false'>"
    yield "<label>Search <input id=name type=search></label><label>State <select id=state>"
    yield "<option value=''>all" + "".join(f"<option>{one}" for one in STATES)
    yield "</select></label><output id=shown role=status></output></form>"
    yield "<div class=scroll tabindex=0 role=region aria-labelledby=c><table id=cameras><thead><tr>"
    yield from (f"<th scope=col>{one}" for one in HEADINGS)
    yield "<tbody>"
    for camera in ordered(fleet):
        thing, state, *rest = cells(fleet, camera)
        yield f"<tr title='{escape(site_of(camera))}'><th scope=row>{escape(thing)}"
        yield f"<td class={state}>{state}"
        yield from (f"<td>{escape(cell)}" for cell in rest)
    yield "</table></div>"
