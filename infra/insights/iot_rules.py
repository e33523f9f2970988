# SPDX-License-Identifier: Apache-2.0
"""The AWS IoT rules of an environment. A new rule is added here and nowhere else."""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.fleet import DETECTION, PRESENCE, TELEMETRY
from contracts.topics import ANY_THING
from infra.common.stack import environment_of
from infra.insights.archive import Archive
from infra.insights.iot_rule import MessageRule, to_function, to_stream, trusted

_PRESENCE = "$aws/events/presence/+/+"


class MessageRules(Construct):
    """Sends the cameras' messages to the archive and to the latest-state table.

    ``timestamp()`` is the server's clock. The table is written by a function: a rule's DynamoDB
    action has no condition, and AWS IoT guarantees no order, so an old message could overwrite a
    newer one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        state_writer: lambda_.IFunction,
        errors: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        topics = environment_of(self).settings.topics
        remember = to_function(state_writer)
        telemetry = (
            f"SELECT *, '{TELEMETRY}' AS kind, timestamp() AS received_ms "  # noqa: S608
            f"FROM '{topics.telemetry(ANY_THING)}' WHERE {trusted(topics)}"
        )
        self.rules = [
            MessageRule(
                self,
                "Detections",
                description="Archives every detection, stores the last one of each camera",
                sql=f"SELECT *, '{DETECTION}' AS kind, timestamp() AS received_ms "  # noqa: S608
                f"FROM '{topics.detections(ANY_THING)}' WHERE {trusted(topics)}",
                actions=[to_stream(archive.detections), remember],
                errors=errors,
            ),
            MessageRule(
                self,
                "Telemetry",
                description="Archives telemetry",
                # An answer to a command may contain a picture, which must not be archived for
                # years.
                sql=f"{telemetry} AND reason <> 'command'",
                actions=[to_stream(archive.telemetry)],
                errors=errors,
            ),
            MessageRule(
                self,
                "LatestTelemetry",
                description="Stores the last telemetry of each camera",
                sql=telemetry,
                actions=[remember],
                errors=errors,
            ),
            MessageRule(
                self,
                "Presence",
                description="Stores which cameras are connected",
                # AWS IoT's own events, of every client of the account: the function keeps those of
                # cameras. Their timestamp is the server's.
                sql=f"SELECT clientId AS thing, '{PRESENCE}' AS kind, eventType AS event, "  # noqa: S608
                f"disconnectReason AS reason, timestamp AS received_ms FROM '{_PRESENCE}'",
                actions=[remember],
                errors=errors,
            ),
        ]
