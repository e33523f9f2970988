# SPDX-License-Identifier: Apache-2.0
"""Recipes for the tests of the local Greengrass."""

from __future__ import annotations

import json

BUCKET = "components-test"


def recipe(version: str, *, name: str = "test.Model", key: str = "model.tar.gz") -> bytes:
    return json.dumps(
        {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": name,
            "ComponentVersion": version,
            "ComponentDescription": "a model",
            "ComponentPublisher": "test",
            "Manifests": [
                {
                    "Platform": {"os": "linux", "runtime": "*"},
                    "Lifecycle": {"run": {"Script": "true"}},
                    "Artifacts": [{"Uri": f"s3://{BUCKET}/{key}"}],
                }
            ],
        }
    ).encode()
