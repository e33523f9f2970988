# SPDX-License-Identifier: Apache-2.0
"""How long an environment keeps things: the table [data] of its file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from infra.config.base import Days, Section


def _whole(value: Any) -> Any:
    # Python takes true for 1 and 30.0 for 30.
    if type(value) is not int:
        raise ValueError("a whole number of days that CloudWatch Logs takes, such as 30")
    return value


# fmt: off
_TAKEN = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
]
# fmt: on
LogDays = Annotated[_TAKEN, BeforeValidator(_whole)]
"""CloudWatch Logs takes these numbers of days only."""


class DataSettings(Section):
    """How long things are kept."""

    noncurrent_days: Days = 30
    captures_days: Days = 30
    runs_days: Days = 90
    archive_days: Days = 730
    access_log_days: Days = 90
    log_days: LogDays = 90
