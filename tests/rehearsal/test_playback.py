# SPDX-License-Identifier: Apache-2.0
"""A detection comes out of the latest-state table as it went in."""

import pytest
from boto3.dynamodb.types import TypeSerializer

from contracts.detection import Detection
from contracts.messages import ModelName
from fleet_watch.rows import rows
from rehearsal.playback import detection_of


@pytest.mark.parametrize("unsure", [True, False])
def test_a_detection_survives_the_table(unsure):
    detection = Detection(
        thing="cam-1",
        sequence=7,
        observed_at="2026-11-22T14:03:07.125Z",
        class_name="glass",
        bin="landfill",
        confidence=0.5,
        unsure=unsure,
        bin_confidence=1.0,
        model=ModelName(digest="ab" * 32, version="1.2.3"),
        frames=6,
        latency_ms=12.0,
    )
    [row] = rows({**detection.to_json(), "kind": "detection", "received_ms": 1})
    item = {key: TypeSerializer().serialize(value) for key, value in row.item.items()}
    assert detection_of(item) == detection
