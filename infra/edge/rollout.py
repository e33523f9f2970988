# SPDX-License-Identifier: Apache-2.0
"""The rollout of an approved model package: function, state machine, and the rule that starts
it."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from contracts.fleet import silent_after_seconds
from infra.assets.definitions import ROLLOUT
from infra.common.failed_starts import FailedStarts
from infra.common.function import NO_VPC, Function
from infra.common.log_group import log_group
from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of
from infra.edge.rollout_definition import rollout_definition
from infra.edge.rollout_permissions import insights_stack, rollout_permissions
from infra.edge.thing_groups import GreengrassGroup

_CALLED_BY_STEPS = "Called by the state machine only, which waits for the answer, "
_ACKNOWLEDGED = {
    "NIST.800.53.R5-LambdaConcurrency": _CALLED_BY_STEPS + "one call at a time; a reservation "
    "could not be made in a new account, where AWS allows 10 concurrent executions in all.",
    "NIST.800.53.R5-LambdaDLQ": _CALLED_BY_STEPS + "retries, and reports a failure: there are no "
    "asynchronous invocations that could get lost.",
    **NO_VPC,
}


class ModelRollout(Construct):
    """Owns the deployments of the two model groups; rollout_definition.py has the flow."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        model_package_group: str,
        group: GreengrassGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment_of(self)
        settings = self._environment.settings
        rollout = settings.rollout
        steps = Function(
            self,
            "Steps",
            code=ROLLOUT,
            description="One step of a model rollout",
            handler="rollout_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=512,
            timeout=cdk.Duration.seconds(90),
            environment={
                "ARTIFACTS_BUCKET": artifacts.bucket_name,
                "BAKE_MINUTES": str(rollout.bake_minutes),
                "CAMERAS_PER_MINUTE": str(rollout.cameras_per_minute),
                "CANARY_GROUP_ARN": group.canary.attr_arn,
                "CHECK_SECONDS": str(rollout.check_seconds),
                "FALSE_ALARM_PERCENT": str(rollout.false_alarm_percent),
                "FLEET_GROUP_ARN": group.fleet.attr_arn,
                "INFERENCE_COMPONENT": group.inference_component,
                "INSIGHTS_STACK": insights_stack(settings.prefix),
                "MAXIMUM_FAILED_PERCENT": str(rollout.maximum_failed_percent),
                "MAXIMUM_LATENCY_MS": str(rollout.maximum_latency_ms),
                "MAXIMUM_SLOWDOWN_PERCENT": str(rollout.maximum_slowdown_percent),
                "MINIMUM_FPS": str(rollout.minimum_fps),
                "MODEL_COMPONENT": group.model_component,
                "MODEL_FOLDER": settings.camera.model_folder,
                "PATIENCE_MINUTES": str(rollout.timeout_minutes),
                "SILENT_AFTER_SECONDS": str(
                    silent_after_seconds(settings.camera.telemetry_seconds)
                ),
            },
            allow=rollout_permissions(
                group, artifacts=artifacts, model_package_group=model_package_group
            ),
            acknowledged=_ACKNOWLEDGED,
        )
        self.state_machine = self._state_machine(steps.function)
        self._start_on_approval(model_package_group)

    def _state_machine(self, function: lambda_.Function) -> sfn.StateMachine:
        rollout = self._environment.settings.rollout
        role = ServiceRole(
            self,
            "Execution",
            service="states.amazonaws.com",
            description="Lets the model rollout call its function",
            allow=[
                Allow(actions=["lambda:InvokeFunction"], resources=[function.function_arn]),
                Allow(
                    actions=[
                        "logs:CreateLogDelivery",
                        "logs:DeleteLogDelivery",
                        "logs:DescribeLogGroups",
                        "logs:DescribeResourcePolicies",
                        "logs:GetLogDelivery",
                        "logs:ListLogDeliveries",
                        "logs:PutResourcePolicy",
                        "logs:UpdateLogDelivery",
                        "xray:GetSamplingRules",
                        "xray:GetSamplingTargets",
                        "xray:PutTelemetryRecords",
                        "xray:PutTraceSegments",
                    ],
                    resources=["*"],
                    why="Log delivery and X-Ray have no resource level (Step Functions developer "
                    "guide); Step Functions needs them for logs and traces of executions.",
                ),
            ],
        )
        return sfn.StateMachine(
            self,
            "Machine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=role.fixed,
            definition_body=sfn.DefinitionBody.from_string(
                self._environment.to_json_string(
                    rollout_definition(
                        function_arn=function.function_arn,
                        look_seconds=rollout.look_seconds,
                        bake_minutes=rollout.bake_minutes,
                        timeout_minutes=rollout.timeout_minutes,
                    )
                )
            ),
            logs=sfn.LogOptions(
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
                destination=log_group(
                    self,
                    "Logs",
                    # Under this prefix a log group needs no entry of its own in the account's
                    # limited resource policy for log delivery.
                    name=f"/aws/vendedlogs/states/{self._environment.settings.prefix}-rollout",
                ),
            ),
            tracing_enabled=True,
        )

    def _start_on_approval(self, model_package_group: str) -> None:
        role = ServiceRole(
            self,
            "Start",
            service="events.amazonaws.com",
            description="Lets the event bus start the model rollout",
        )
        self.state_machine.grants.actions(role.policy, "states:StartExecution")
        self.failed_starts = FailedStarts(self, "FailedStarts")
        self.start = events.Rule(
            self,
            "Approved",
            description="Rolls a model out when it is approved",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={
                    "ModelPackageGroupName": [model_package_group],
                    "ModelApprovalStatus": ["Approved"],
                },
            ),
            targets=[
                targets.SfnStateMachine(
                    self.state_machine,
                    role=role.fixed,
                    max_event_age=cdk.Duration.hours(1),
                    retry_attempts=8,
                    dead_letter_queue=self.failed_starts.queue,
                )
            ],
        )
