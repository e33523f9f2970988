# SPDX-License-Identifier: Apache-2.0
"""A burst of messages waits for a rule's function: it does not start a process for each."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

ROLE = "arn:aws:iam::111111111111:role/any"
MESSAGES, MOST = 20, 4
FUNCTION = """
import os, time
from pathlib import Path

def handler(event, context):
    time.sleep(0.05)
    Path(event["folder"], f"{event['number']}").write_text(str(os.getpid()))
"""


def test_a_burst_of_messages_is_taken_by_few_processes(
    client: Any, until: Any, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", FUNCTION)
    made = client("lambda").create_function(
        FunctionName="burst",
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
    )
    client("iot").create_topic_rule(
        ruleName="burst",
        topicRulePayload={
            "sql": "SELECT * FROM 'burst'",
            "actions": [{"lambda": {"functionArn": made["FunctionArn"]}}],
            "awsIotSqlVersion": "2016-03-23",
        },
    )
    for number in range(MESSAGES):
        payload = json.dumps({"number": number, "folder": str(tmp_path)})
        client("iot-data").publish(topic="burst", qos=1, payload=payload.encode())
    until(lambda: len([*tmp_path.iterdir()]) == MESSAGES)
    assert 1 <= len({path.read_text() for path in tmp_path.iterdir()}) <= MOST
