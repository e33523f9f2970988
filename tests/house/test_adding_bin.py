# SPDX-License-Identifier: Apache-2.0
"""A fourth bin is one entry in contracts/bins.py, whatever its name."""

import pytest

from tests.house.adding import Copy

PROOF = """
import json, sys, tempfile
from pathlib import Path

import numpy as np
from camera.page import overlay, views
from contracts.bins import BINS, BIN_COLOURS, BinPolicy
from contracts.detection import DETECTION_COLUMNS, Detection
from contracts.messages import ModelName
from infra.config.settings import BinSettings
from rehearsal.report import label
from rehearsal.samples import set as samples

name = sys.argv[1]
assert BINS[-1] == name
settings = BinSettings(default=name, classes={"battery": name})
policy = BinPolicy.from_json(settings.policy().to_json())
assert policy.bin_for("Battery", 0.9) == policy.bin_for("nothing known", 0.9) == name
assert BinPolicy({}).bin_for(name.upper(), 0.9) == name, "a class folder of that name"
detection = Detection(
    thing="cam", sequence=1, observed_at="2026-11-22T14:03:07.125Z", class_name="battery",
    bin=policy.bin_for("battery", 1), confidence=1, model=ModelName("a", "1"), frames=1,
    latency_ms=1,
)
assert Detection.from_json(json.loads(json.dumps(detection.to_json()))) == detection
assert name in next(column.comment for column in DETECTION_COLUMNS if column.name == "bin")
schema = json.loads(Path("contracts/schema/detection.json").read_text())
assert schema["properties"]["bin"]["enum"] == list(BINS)
page = views.page_text()
assert json.dumps(name).replace("<", chr(92) + "u003c") in page
assert ".bin3{background:#8c1e1e}" in page
picture = np.zeros((240, 320, 3), np.uint8)
overlay.write_line(picture, f"battery > {name}", BIN_COLOURS[name])
assert (picture[-1, -1] == BIN_COLOURS[name]).all()
assert name in label(name)
with tempfile.TemporaryDirectory() as folder:
    assert samples.draw(Path(folder), photos_per_class=2) == 8
    assert len(list((Path(folder) / name).iterdir())) == 2
print("proved")
"""


@pytest.mark.parametrize("name", ["hazardous", "Restmüll", 'a "b" & <c>'])
def test_a_fourth_bin_touches_one_file(tmp_path, name):
    copy = Copy(tmp_path)
    entry = f"    Bin(name={name!r}, colour=(140, 30, 30)),\n"
    copy.insert("contracts/bins.py", entry, before=')\n"""Every bin there is.')
    copy.run("-m", "contracts.schemas")  # written by a command, as snapshots are
    assert copy.run("-c", PROOF, name) == "proved\n"
    assert len(copy.touched) == 1
