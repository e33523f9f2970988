# SPDX-License-Identifier: Apache-2.0
"""One page that shows whether cameras see, messages arrive, and models get out."""

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH, _HEIGHT = 8, 6
_PER_ROW = 3


def metric_widget(
    title: str,
    *,
    region: str,
    namespace: str,
    metrics: Sequence[str],
    dimensions: Mapping[str, str],
    statistic: str = "Sum",
) -> dict[str, Any]:
    """A graph of some metrics that share their dimensions."""
    pairs = [part for item in dimensions.items() for part in item]
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "region": region,
            "view": "timeSeries",
            "stat": statistic,
            "period": 300,
            "metrics": [[namespace, metric, *pairs] for metric in metrics],
        },
    }


def errors_widget(title: str, *, region: str, log_group: str) -> dict[str, Any]:
    """The last entries of a log group."""
    return {
        "type": "log",
        "properties": {
            "title": title,
            "region": region,
            "view": "table",
            "query": f"SOURCE '{log_group}' | fields @timestamp, @message "
            "| sort @timestamp desc | limit 20",
        },
    }


def alarms_widget(title: str, *, alarm_arns: Sequence[str]) -> dict[str, Any]:
    """All alarms and their states."""
    return {"type": "alarm", "properties": {"title": title, "alarms": list(alarm_arns)}}


def dashboard_body(widgets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The widgets laid out in rows, in their order."""
    return {
        "widgets": [
            {
                **widget,
                "x": (number % _PER_ROW) * _WIDTH,
                "y": (number // _PER_ROW) * _HEIGHT,
                "width": _WIDTH,
                "height": _HEIGHT,
            }
            for number, widget in enumerate(widgets)
        ]
    }
