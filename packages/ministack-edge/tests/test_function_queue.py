# SPDX-License-Identifier: Apache-2.0
"""A burst of messages or events waits for its function: it does not start a process for each."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROLE = "arn:aws:iam::111111111111:role/any"
EVENTS, MOST = 20, 4
FUNCTION = """
import os, time
from pathlib import Path

def handler(event, context):
    event = event.get("detail", event)
    time.sleep(0.05)
    Path(event["folder"], f"{event['number']}").write_text(str(os.getpid()))
"""

Send = Callable[[dict[str, Any]], Any]


def _from_iot(client: Any, function_arn: str) -> Send:
    payload = {
        "sql": "SELECT * FROM 'burst'",
        "actions": [{"lambda": {"functionArn": function_arn}}],
        "awsIotSqlVersion": "2016-03-23",
    }
    client("iot").create_topic_rule(ruleName="burst", topicRulePayload=payload)
    data = client("iot-data")
    return lambda event: data.publish(topic="burst", qos=1, payload=json.dumps(event).encode())


def _from_eventbridge(client: Any, function_arn: str) -> Send:
    events = client("events")
    events.put_rule(Name="burst", EventPattern=json.dumps({"source": ["burst"]}))
    events.put_targets(Rule="burst", Targets=[{"Id": "function", "Arn": function_arn}])

    def send(event: dict[str, Any]) -> None:
        entry = {"Source": "burst", "DetailType": "any", "Detail": json.dumps(event)}
        events.put_events(Entries=[entry])

    return send


@pytest.mark.parametrize("source", [_from_iot, _from_eventbridge])
def test_a_burst_is_taken_by_few_processes(
    client: Any, until: Any, tmp_path: Path, source: Callable[[Any, str], Send]
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", FUNCTION)
    made = client("lambda").create_function(
        FunctionName=f"burst{source.__name__}",
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
    )
    send = source(client, made["FunctionArn"])
    for number in range(EVENTS):
        send({"number": number, "folder": str(tmp_path)})
    until(lambda: len([*tmp_path.iterdir()]) == EVENTS)
    assert 1 <= len({path.read_text() for path in tmp_path.iterdir()}) <= MOST
