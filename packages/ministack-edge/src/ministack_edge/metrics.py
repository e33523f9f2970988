# SPDX-License-Identifier: Apache-2.0
"""CloudWatch metrics from inside the server, and alarms on metric math, which ministack refuses."""

from __future__ import annotations

import ast
import operator
import time
from collections.abc import Callable, Mapping

from ministack.services import cloudwatch

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

Value = float | None

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


def put(
    namespace: str,
    name: str,
    value: float,
    *,
    dimensions: Mapping[str, str] | None = None,
    unit: str = "None",
    at: float | None = None,
) -> None:
    """Store one value and let the alarms see it, as PutMetricData does."""
    moment = at or time.time()
    cloudwatch._store_datum(
        namespace, name, dict(dimensions or {}), moment, unit, value, None, None, None
    )
    cloudwatch._evaluate_all_alarms()


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """A metric math expression over one period; None when it has no data."""
    return _evaluate(ast.parse(expression, mode="eval").body, values)


def _evaluate(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            first, second = _evaluate(left, values), _evaluate(right, values)
            if first is None or second is None:
                return None
            return _OPERATORS[type(op)](first, second)
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
            found = _evaluate(series, values)
            return _evaluate(filler, values) if found is None else found
        case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=items)]) if name in _FUNCTIONS:
            known = [value for item in items if (value := _evaluate(item, values)) is not None]
            return _FUNCTIONS[name](known) if known else None
    raise ValueError(f"metric math {ast.unparse(node)!r} is not offered by the local AWS")


def _stored(query: Document, *, periods: int) -> Value:
    """The statistic of a MetricStat over the last periods."""
    stat = query["MetricStat"]
    metric = stat["Metric"]
    dimensions = {item["Name"]: item["Value"] for item in metric.get("Dimensions") or []}
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))
    since = time.time() - int(stat["Period"]) * periods
    points = [point for point in cloudwatch._metrics.get(key) or [] if point["Timestamp"] >= since]
    if not points:
        return None
    value: Value = cloudwatch._stat_value(cloudwatch._calc_stats(points), stat["Stat"], points)
    return value


def _wrap_record(original: Callable[..., Document]) -> Callable[..., Document]:
    """Store the alarm; ministack's record wants one plain metric, which is then taken out again."""

    def record(name: str, properties: Document) -> Document:
        queries = properties.get("Metrics")
        if not queries:
            return original(name, properties)
        for query in queries:
            if "Expression" in query:
                ids = {item["Id"]: 0.0 for item in queries if "MetricStat" in item}
                evaluate(query["Expression"], ids)
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = original(name, {**rest, "MetricName": "math", "Namespace": "math"})
        for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period"):
            alarm.pop(key, None)
        alarm["Metrics"] = queries
        return alarm

    return record


def _look_at_one(alarm: Document, original: Callable[[Document], None]) -> None:
    """An alarm on one metric: ministack counts the points of all dimensions for it."""
    if not alarm.get("Statistic") or alarm.get("ComparisonOperator") not in _COMPARISONS:
        original(alarm)
        return
    metric = {key: alarm.get(key) for key in ("Namespace", "MetricName", "Dimensions")}
    query = {"Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"]}
    periods = int(alarm.get("EvaluationPeriods", 1))
    value = _stored({"MetricStat": query}, periods=periods)
    if value is not None:
        _apply(alarm, value)


def _wrap_evaluate(original: Callable[[Document], None]) -> Callable[[Document], None]:
    """Compare what the query that returns data gives; states and actions stay ministack's."""

    def look(alarm: Document) -> None:
        queries = alarm.get("Metrics")
        if not queries:
            _look_at_one(alarm, original)
            return
        periods = int(alarm.get("EvaluationPeriods", 1))
        values: dict[str, Value] = {
            query["Id"]: _stored(query, periods=periods)
            for query in queries
            if "MetricStat" in query
        }
        had_data = any(value is not None for value in values.values())
        for query in queries:
            if "Expression" in query:
                values[query["Id"]] = evaluate(query["Expression"], values)
        result = next(
            (values[query["Id"]] for query in queries if query.get("ReturnData", True)), None
        )
        if result is None or not had_data:
            return
        _apply(alarm, result)

    return look


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def _apply(alarm: Document, value: float) -> None:
    comparison = alarm["ComparisonOperator"]
    breaching = _COMPARISONS[comparison](value, alarm["Threshold"])
    before, after = alarm["StateValue"], "ALARM" if breaching else "OK"
    if before == after:
        return
    reason = f"Threshold Crossed: {value:g} {comparison} {alarm['Threshold']:g}"
    alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def install() -> None:
    """Let templates declare alarms on metric math."""
    ministack_patches.wrap(ministack_patches.PROVISIONERS, "_cw_metric_alarm_record", _wrap_record)
    ministack_patches.wrap("ministack.services.cloudwatch", "_evaluate_alarm", _wrap_evaluate)
