# SPDX-License-Identifier: Apache-2.0
"""The camera's state as numbers for people and in Prometheus's text format."""

from collections.abc import Iterator, Mapping

from contracts.messages import Metric, items
from contracts.telemetry import Telemetry


def numbers(now: Telemetry) -> Iterator[tuple[str, str]]:
    """Label and text of each number that the page shows."""
    for item in items(Telemetry):
        about, value = item.about, getattr(now, item.attribute)
        if not about.label:
            continue
        if value is None:
            yield about.label, "unknown"
        else:
            shown = f"{value:.1f}" if isinstance(value, float) else str(value)
            yield about.label, f"{shown} {about.unit}".rstrip()


def exposition(now: Telemetry, others: Mapping[Metric, float]) -> str:
    """One sample of each metric: those of telemetry, and ``others`` with their values."""
    lines = []
    for metric, number in (*_samples(now), *others.items()):
        lines += [
            f"# HELP {metric.name} {metric.text}",
            f"# TYPE {metric.name} {metric.kind}",
            f"{metric.name} {float(number)!r}",
        ]
    if now.model is not None:
        version = now.model.version.replace("\\", r"\\").replace('"', r"\"").replace("\n", " ")
        lines += [
            "# HELP binsight_model_info The model in use",
            "# TYPE binsight_model_info gauge",
            f'binsight_model_info{{version="{version}",digest="{now.model.digest}"}} 1',
        ]
    return "\n".join(lines) + "\n"


def _samples(now: Telemetry) -> Iterator[tuple[Metric, float]]:
    for item in items(Telemetry):
        metric, value = item.about.metric, getattr(now, item.attribute)
        # None is not a number, but a metric may report whether there is a value.
        if metric is not None and (value is not None or metric.value is bool):
            yield metric, metric.value(value)
