# SPDX-License-Identifier: Apache-2.0
"""Report pages: one HTML file that opens anywhere, with its pictures and drawings inside.

A report is a template in ``training/pages/templates`` that extends ``base.html``; what repeats
(tables, facts, galleries) are the macros of ``parts.html``. Nothing is loaded from elsewhere, and
the same content gives the same bytes.

    from training import pages
    html = pages.render("data_report.html", title="Data report", photos=1234)
    pages.write(folder / "index.html", html)
"""

from training.pages.charts import INK, SERIES, SOFT, chart
from training.pages.rendering import render, thumbnail, write

__all__ = ["INK", "SERIES", "SOFT", "chart", "render", "thumbnail", "write"]
