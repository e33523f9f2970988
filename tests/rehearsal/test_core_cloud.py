# SPDX-License-Identifier: Apache-2.0
"""A core's AWS credentials, which it asks for again before they expire."""

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from rehearsal.simulated_core.cloud import CoreCloud


@pytest.mark.parametrize(("minutes", "asked"), [(60, 1), (5, 3)])
def test_credentials_are_asked_for_again_before_they_expire(minutes, asked):
    keys, paths = itertools.count(1), []

    def get(path, **headers):
        paths.append((path, headers))
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        return {
            "credentials": {
                "accessKeyId": f"key-{next(keys)}",
                "secretAccessKey": "secret",
                "sessionToken": "token",
                "expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        }

    cloud = CoreCloud(
        endpoint="http://127.0.0.1:1",
        region="us-east-1",
        thing="cam-1",
        role_alias="cameras",
        nucleus="lite",
        device=SimpleNamespace(get=get),
    )
    client = cloud.client("s3")
    signing = client._request_signer._credentials
    found = [signing.get_frozen_credentials().access_key for _ in range(2)]
    assert found == (["key-1", "key-1"] if asked == 1 else ["key-2", "key-3"])
    assert cloud.client("s3") is client
    assert (
        paths == [("/role-aliases/cameras/credentials", {"x-amzn-iot-thingname": "cam-1"})] * asked
    )
