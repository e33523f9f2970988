# SPDX-License-Identifier: Apache-2.0
"""A telemetry field is one entry in the contract and its value in the camera's status."""

from tests.house.adding import Copy

FIELD = """    humidity: float | None = described(
        "Relative humidity in percent, where readable",
        default=None,
        digits=1,
        low=0,
        high=100,
        label="Humidity",
        unit="%",
        metric=Metric("binsight_humidity_percent", "gauge", "Relative humidity"),
    )
"""
PROOF = """
import json
from pathlib import Path

from camera.messaging.status import Status
from camera.page.metrics import exposition, numbers
from contracts.archive import TELEMETRY
from contracts.telemetry import Telemetry

status = Status(thing="cam", source="dir:/x")
now = status.telemetry(reason="interval", model=None, dropped=0, undelivered=0)
message = json.loads(json.dumps(now.to_json()))
assert message["humidity"] == 41.3
assert Telemetry.from_json(message).humidity == 41.3
del message["humidity"]
assert Telemetry.from_json(message).humidity is None, "from a camera that does not send it yet"
try:
    Telemetry.from_json({**message, "humidity": 130})
except ValueError as error:
    assert "0 to 100" in str(error)
else:
    raise AssertionError
schema = json.loads(Path("contracts/schema/telemetry.json").read_text())
assert schema["properties"]["humidity"]["maximum"] == 100
assert ("humidity", "double") in [column[:2] for column in TELEMETRY.columns]
assert ("Humidity", "41.3 %") in list(numbers(now))
assert "binsight_humidity_percent 41.27" in exposition(now, {})
print("proved")
"""


def test_a_telemetry_field_touches_two_files(tmp_path):
    copy = Copy(tmp_path)
    copy.insert("contracts/telemetry.py", FIELD, before="    problem: str | None = described(")
    copy.insert(
        "lambda/inference/camera/messaging/status.py",
        "                humidity=41.27,\n",
        before="                temperature_c=_temperature(),\n",
    )
    copy.run("-m", "contracts.schemas")  # written by a command, as snapshots are
    assert copy.run("-c", PROOF) == "proved\n"
    assert len(copy.touched) == 2
