# SPDX-License-Identifier: Apache-2.0
"""What a simulated core asks its cloud for, from memory: component versions, objects by name."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from ministack_edge.greengrass.deployment_jobs import document_of
from ministack_edge.greengrass.version_range import numbers, satisfies


class Cloud:
    """Component versions that were put in with ``add``; objects by name (``a_b``: a.b)."""

    region = "us-east-1"

    def __init__(self, **objects):
        self.objects = objects
        self.recipes, self.minutes = {}, 0

    def client(self, service):
        return self

    def credentials(self):
        """What the core's TokenExchangeService hands on."""
        return {"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2026"}

    def add(self, recipe):
        """Make a component version."""
        self.recipes[recipe["ComponentName"], recipe["ComponentVersion"]] = recipe

    def resolve_component_candidates(self, *, platform, componentCandidates):  # noqa: N803 - AWS
        (candidate,) = componentCandidates
        name = candidate["componentName"]
        fitting = [
            version
            for known, version in self.recipes
            if known == name
            and all(satisfies(version, one) for one in candidate["versionRequirements"].values())
        ]
        if not fitting:
            error = {"Code": "ResourceNotFoundException", "Message": f"no version of {name} meets"}
            raise ClientError({"Error": error}, "ResolveComponentCandidates")
        version = max(fitting, key=numbers)
        found = {
            "arn": f"{name}:{version}",
            "componentVersion": version,
            "recipe": json.dumps(self.recipes[name, version]).encode(),
        }
        return {"resolvedComponentVersions": [found]}

    def download_file(self, bucket, key, target):
        with open(target, "wb") as file:  # noqa: PTH123 - boto3 takes a path as text
            file.write(self.objects[key.rpartition("/")[2].replace(".", "_")])

    def deployment(self, components):
        """The document of a job for a deployment as CreateDeployment takes it, a minute later."""
        self.minutes += 1
        moment = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(minutes=self.minutes)
        return {
            "deploymentId": f"d-{self.minutes}",
            "creationTimestamp": moment.timestamp() * 1000,
            "components": {name: document_of(part) for name, part in components.items()},
            "failureHandlingPolicy": "ROLLBACK",
        }


def artifact(name, content, **more):
    """An artifact of a recipe as the service keeps it."""
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"Uri": f"s3://b/c/{name}", "Digest": digest, "Algorithm": "SHA-256", **more}


def recipe(lifecycle, *, artifacts=(), configuration=None, name="x.Y", version="1.0.0", needs=None):
    """A recipe for every core; ``needs`` are dependencies: name to version requirement."""
    dependencies = {
        other: {"VersionRequirement": asked, "DependencyType": "SOFT"}
        for other, asked in (needs or {}).items()
    }
    return {
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDescription": "what it is",
        "ComponentConfiguration": {"DefaultConfiguration": configuration or {}},
        **({"ComponentDependencies": dependencies} if dependencies else {}),
        "Manifests": [
            {
                "Platform": {"os": "linux", "runtime": "*"},
                "Lifecycle": lifecycle,
                "Artifacts": list(artifacts),
            }
        ],
    }
