# SPDX-License-Identifier: Apache-2.0
"""Which refusals are right where IoT rules fail on purpose."""

import pytest

from rehearsal.permissions.coverage import Refusal
from rehearsal.seldom import STAGE, is_expected


@pytest.mark.parametrize(
    ("stage", "action", "expected"),
    [
        (STAGE, "lambda:InvokeFunction", True),
        ("destroy", "lambda:InvokeFunction", True),
        (STAGE, "logs:PutLogEvents", False),
        ("sort photos", "lambda:InvokeFunction", False),
    ],
)
def test_only_functions_that_were_deleted_may_be_refused(
    stage: str, action: str, *, expected: bool
) -> None:
    refusal = Refusal(stage, "iot.amazonaws.com", action, "arn:aws:lambda:us-east-1:1:function:f")
    assert is_expected(refusal) is expected
