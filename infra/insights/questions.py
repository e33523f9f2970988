# SPDX-License-Identifier: Apache-2.0
"""The named queries: each answers one question about the fleet from the archive.

All cover the last seven days (``DAYS=`` of `make ask` changes that) and select partitions, so that
Athena reads only those. ``received_ms`` is the server's clock.
"""

# ruff: noqa: S608 - SQL of constants only
from typing import NamedTuple

RECENT = "date >= cast(cast(current_date - interval '7' day as date) as varchar)"
"""The condition on partitions that every query contains."""
_NEWEST = "max_by({0}, received_ms) AS {1}"


class Question(NamedTuple):
    """A named query: its name in Athena, the question it answers, and its text."""

    name: str
    answers: str
    sql: str


def _question(name: str, answers: str, sql: str) -> Question:
    return Question(name, answers, "\n".join(line.strip() for line in sql.strip().splitlines()))


_DETECTIONS, _TELEMETRY = f"FROM detections WHERE {RECENT}", f"FROM telemetry WHERE {RECENT}"
_GAPS = f"""
    SELECT thing, received_ms,
    received_ms - lag(received_ms) OVER (PARTITION BY thing ORDER BY received_ms) AS gap_ms
    {_TELEMETRY}
"""

QUESTIONS = (
    _question(
        "silent",
        "Which cameras are silent, and since when? (`make fleet` also lists those that never sent)",
        f"""
        SELECT thing, from_unixtime(max(received_ms) / 1000) AS last_seen
        {_TELEMETRY}
        GROUP BY thing
        HAVING max(received_ms) < to_unixtime(now()) * 1000 - 600000
        ORDER BY last_seen
        """,
    ),
    _question(
        "offline",
        "How long was each camera offline (gaps of more than five minutes)?",
        f"""
        SELECT thing, count(*) AS times, round(sum(gap_ms) / 3600000.0, 2) AS hours,
        round(max(gap_ms) / 3600000.0, 2) AS longest_hours
        FROM ({_GAPS})
        WHERE gap_ms > 300000
        GROUP BY thing
        ORDER BY hours DESC
        """,
    ),
    _question(
        "problems",
        "Which problems did cameras report, how many cameras, when first and last?",
        f"""
        SELECT problem, count(DISTINCT thing) AS cameras, count(*) AS messages,
        from_unixtime(min(received_ms) / 1000) AS first_seen,
        from_unixtime(max(received_ms) / 1000) AS last_seen
        {_TELEMETRY} AND problem IS NOT NULL
        GROUP BY problem
        ORDER BY cameras DESC, problem
        """,
    ),
    _question(
        "speed",
        "Is a camera getting slower or hotter?",
        f"""
        SELECT thing, date, round(avg(fps), 2) AS fps, round(avg(p99_ms), 1) AS p99_ms,
        max(temperature_c) AS hottest_c
        {_TELEMETRY}
        GROUP BY thing, date
        ORDER BY thing, date
        """,
    ),
    _question(
        "models",
        "Which model runs where?",
        f"""
        SELECT model_version, count(*) AS cameras, min(thing) AS one_of_them
        FROM (
        SELECT thing, {_NEWEST.format("model.version", "model_version")}
        {_TELEMETRY} GROUP BY thing
        )
        GROUP BY model_version
        ORDER BY cameras DESC, model_version
        """,
    ),
    _question(
        "programs",
        "Which camera program runs where, and did its deployment reach all cameras?",
        f"""
        SELECT program, count(*) AS cameras, min(thing) AS one_of_them
        FROM (
        SELECT thing, {_NEWEST.format("program", "program")} {_TELEMETRY} GROUP BY thing
        )
        GROUP BY program
        ORDER BY cameras DESC, program
        """,
    ),
    _question(
        "rollout",
        "Did a model's rollout reach all cameras, day by day?",
        f"""
        SELECT date, model.version AS model_version, count(DISTINCT thing) AS cameras
        {_TELEMETRY}
        GROUP BY date, model.version
        ORDER BY date, model_version
        """,
    ),
    _question(
        "items",
        "How many items per day and bin?",
        f"""
        SELECT date, bin, count(DISTINCT (thing, sequence)) AS items
        {_DETECTIONS}
        GROUP BY date, bin
        ORDER BY date, bin
        """,
    ),
    _question(
        "today",
        "How many items did each camera see today, and how many of them was it unsure of?",
        f"""
        SELECT thing, count(DISTINCT sequence) AS items,
        round(avg(CASE WHEN unsure THEN 1.0 ELSE 0.0 END), 3) AS unsure
        {_DETECTIONS} AND date = cast(current_date as varchar)
        GROUP BY thing
        ORDER BY thing
        """,
    ),
    _question(
        "items_by_camera",
        "How many items per camera and bin?",
        f"""
        SELECT thing, bin, count(DISTINCT sequence) AS items
        {_DETECTIONS}
        GROUP BY thing, bin
        ORDER BY thing, bin
        """,
    ),
    _question(
        "lost",
        "Were items lost? (A restart skips at most 100 numbers, which counts here.)",
        f"""
        SELECT thing, max(sequence) - min(sequence) + 1 - count(DISTINCT sequence) AS missing,
        count(*) - count(DISTINCT sequence) AS twice
        {_DETECTIONS}
        GROUP BY thing
        ORDER BY missing DESC, thing
        """,
    ),
    _question(
        "undelivered",
        "Which cameras have detections that wait for delivery?",
        f"""
        SELECT thing, {_NEWEST.format("undelivered", "waiting")}, max(undelivered) AS most
        {_TELEMETRY}
        GROUP BY thing
        HAVING max(undelivered) > 0
        ORDER BY waiting DESC, thing
        """,
    ),
    _question(
        "confidence",
        "Is accuracy falling in the field? (Nobody labels there: confidence is a sign of it.)",
        f"""
        SELECT date, model.version AS model_version, count(*) AS items,
        round(avg(confidence), 3) AS confidence,
        round(avg(CASE WHEN unsure THEN 1.0 ELSE 0.0 END), 3) AS unsure
        {_DETECTIONS}
        GROUP BY date, model.version
        ORDER BY date, model_version
        """,
    ),
    _question(
        "classes",
        "What was thrown away, by class and model version?",
        f"""
        SELECT model.version AS model_version, class, bin, count(*) AS items,
        round(avg(confidence), 3) AS confidence
        {_DETECTIONS}
        GROUP BY model.version, class, bin
        ORDER BY model_version, items DESC, class
        """,
    ),
    _question(
        "unnamed",
        "Which classes does the bin policy not name, and on how many cameras?",
        f"""
        SELECT unnamed AS classes, count(*) AS cameras, min(thing) AS one_of_them
        FROM (
        SELECT thing, max_by(coalesce(unnamed, ''), received_ms) AS unnamed
        {_TELEMETRY} GROUP BY thing
        )
        WHERE unnamed <> ''
        GROUP BY unnamed
        ORDER BY cameras DESC, classes
        """,
    ),
    _question(
        "drift",
        "Which cameras see other pictures than the model was trained on?",
        f"""
        SELECT thing, round(avg(drift), 3) AS drift, round(max(drift), 3) AS most
        {_TELEMETRY} AND drift IS NOT NULL
        GROUP BY thing
        ORDER BY drift DESC, thing
        """,
    ),
    _question(
        "archive",
        "Is the archive current?",
        f"""
        SELECT 'detections' AS archive, count(*) AS messages,
        from_unixtime(max(received_ms) / 1000) AS newest
        {_DETECTIONS}
        UNION ALL
        SELECT 'telemetry', count(*), from_unixtime(max(received_ms) / 1000)
        {_TELEMETRY}
        """,
    ),
)
