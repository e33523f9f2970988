# SPDX-License-Identifier: Apache-2.0
"""How long an environment keeps things: the table [data] of its file."""

from typing import Literal

from infra.config.base import Days, Section

# fmt: off
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
]
# fmt: on
"""CloudWatch Logs takes these numbers of days only."""


class DataSettings(Section):
    """How long things are kept."""

    noncurrent_days: Days = 30
    captures_days: Days = 30
    runs_days: Days = 90
    archive_days: Days = 730
    access_log_days: Days = 90
    log_days: LogDays = 90
