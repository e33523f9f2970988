# SPDX-License-Identifier: Apache-2.0
"""A local AWS with the rollout's real function and state machine, and cameras that answer."""

import io
import json
import time
import zipfile
from pathlib import Path

from infra.edge.rollout_definition import rollout_definition
from rehearsal.aws_client import Cloud
from tests.conftest import ROOT
from tests.rollout.conftest import ACCOUNT, COMPONENT, ENVIRONMENT, GROUPS, REGION
from tests.rollout.cores import report, say_status

PACKAGE_GROUP = "binsight-dev-models"
PROGRAM = ENVIRONMENT["INFERENCE_COMPONENT"]


class World:
    """Things, models and rollouts of one local AWS."""

    def __init__(self, endpoint, *, canaries=2, fleet=4):
        self.endpoint = endpoint
        self.cloud = Cloud(endpoint=endpoint, account=ACCOUNT, region=REGION, prefix="binsight-dev")
        self.states = self.cloud.client("stepfunctions")
        self.greengrass = self.cloud.client("greengrassv2")
        self.sagemaker = self.cloud.client("sagemaker")
        self.members = {
            "canary": [f"canary-{number}" for number in range(canaries)],
            "fleet": [f"fleet-{number}" for number in range(fleet)],
        }
        iot = self.cloud.client("iot")
        for group, names in self.members.items():
            thing_group = GROUPS[group].rpartition("/")[2]
            iot.create_thing_group(thingGroupName=thing_group)
            for name in names:
                iot.create_thing(thingName=name)
                iot.add_thing_to_thing_group(thingGroupName=thing_group, thingName=name)
        self.cloud.client("s3").create_bucket(Bucket=ENVIRONMENT["ARTIFACTS_BUCKET"])
        self.sagemaker.create_model_package_group(ModelPackageGroupName=PACKAGE_GROUP)
        self.awake = {name for names in self.members.values() for name in names}
        self._answered = set()

    def model(self):
        """Register and approve a model; its ARN."""
        bucket = ENVIRONMENT["ARTIFACTS_BUCKET"]
        key = f"models/{time.monotonic_ns()}/model.tar.gz"
        self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
        container = {"Image": "none", "ModelDataUrl": f"s3://{bucket}/{key}"}
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=PACKAGE_GROUP,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]

    def machine(self, name, **environment):
        """The state machine with a function of these settings; its ARN."""
        role = f"arn:aws:iam::{ACCOUNT}:role/steps"
        function = self.cloud.client("lambda").create_function(
            FunctionName=f"steps-{name}",
            Runtime="python3.11",
            Role=role,
            Handler="rollout_handler.handler",
            Timeout=90,
            Environment={"Variables": {**ENVIRONMENT, **environment}},
            Code={"ZipFile": _code()},
        )["FunctionArn"]
        definition = rollout_definition(
            function_arn=function,
            # The local AWS waits a hundredth of it.
            look_seconds=30,
            bake_minutes=30,
            timeout_minutes=30,
        )
        return self.states.create_state_machine(
            name=f"rollout-{name}", roleArn=role, definition=json.dumps(definition)
        )["stateMachineArn"]

    def approve(self, machine, package):
        """Start a rollout as the approval's event does."""
        document = {"detail": {"ModelPackageArn": package}}
        return self.states.start_execution(stateMachineArn=machine, input=json.dumps(document))[
            "executionArn"
        ]

    def entered(self, execution):
        """The names of the states that an execution entered, in their order."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]

    def until(self, execution, state, *, seconds=240):
        """Let cameras answer until the execution enters a state, or ends where None is given."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.answer()
            status = self.states.describe_execution(executionArn=execution)["status"]
            if status != "RUNNING" if state is None else state in self.entered(execution):
                return status
            time.sleep(0.2)
        raise AssertionError(f"{execution} did not reach {state}: {self.entered(execution)[-3:]}")

    def version(self, group):
        """The model that a group's live deployment gives; None without one."""
        found = self.newest(group)
        if found is None or found["deploymentStatus"] == "CANCELED":
            return None
        return found["components"][COMPONENT]["componentVersion"]

    def newest(self, group):
        listed = self.greengrass.list_deployments(
            targetArn=GROUPS[group], historyFilter="LATEST_ONLY"
        )["deployments"]
        if not listed:
            return None
        return self.greengrass.get_deployment(deploymentId=listed[0]["deploymentId"])

    def answer(self, status="SUCCEEDED"):
        """Let every camera that is awake report how its group's newest deployment went."""
        for group, names in self.members.items():
            found = self.newest(group)
            if found is None or found["deploymentStatus"] == "CANCELED":
                continue
            version = found["components"][COMPONENT]["componentVersion"]
            for name in names:
                done = (name, found["deploymentId"])
                if name in self.awake and done not in self._answered:
                    report(self.cloud, name, found, status)
                    running = {COMPONENT: (version, "RUNNING"), PROGRAM: ("1.0.0", "RUNNING")}
                    say_status(self.cloud, name, running)
                    self._answered.add(done)


def _code():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for folder in (ROOT / "lambda/rollout", ROOT):
            only = "contracts" if folder == ROOT else "."
            for path in sorted(Path(folder, only).rglob("*.py")):
                archive.write(path, path.relative_to(folder))
    return stream.getvalue()
