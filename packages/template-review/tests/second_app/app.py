# SPDX-License-Identifier: Apache-2.0
"""An ordinary CDK app: an API puts orders into a queue, a worker writes them to a database."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sqs as sqs

CODE = "def handler(event, context):\n    return {'statusCode': 202}\n"


class Orders(cdk.Stack):
    """All of it in one stack."""

    def __init__(self, scope: cdk.App) -> None:
        """Nothing differs between copies."""
        place = cdk.Environment(account="222222222222", region="eu-west-1")
        super().__init__(scope, "Orders", env=place, termination_protection=True)
        network = ec2.Vpc(self, "Network", max_azs=2, nat_gateways=1)
        failed = sqs.Queue(self, "Failed", enforce_ssl=True)
        waiting = sqs.Queue(
            self,
            "Waiting",
            enforce_ssl=True,
            visibility_timeout=cdk.Duration.seconds(90),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=3, queue=failed),
        )
        database = rds.DatabaseInstance(
            self,
            "Database",
            engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16),
            instance_type=ec2.InstanceType("t4g.small"),
            vpc=network,
            storage_encrypted=True,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        worker = self._function("Worker", memory=256, network=network)
        worker.add_environment("DATABASE", database.db_instance_endpoint_address)
        worker.add_event_source(sources.SqsEventSource(waiting, batch_size=10))
        database.connections.allow_default_port_from(worker)
        intake = self._function("Intake", memory=128)
        intake.add_environment("QUEUE", waiting.queue_url)
        waiting.grant_send_messages(intake)
        api = apigateway.LambdaRestApi(self, "Api", handler=intake, proxy=False)
        api.root.add_resource("orders").add_method(
            "POST", authorization_type=apigateway.AuthorizationType.IAM
        )
        cloudwatch.Alarm(
            self,
            "OrdersFail",
            metric=failed.metric_approximate_number_of_messages_visible(),
            threshold=1,
            evaluation_periods=1,
        )

    def _function(
        self, name: str, *, memory: int, network: ec2.IVpc | None = None
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            memory_size=memory,
            timeout=cdk.Duration.seconds(30),
            vpc=network,
            log_group=logs.LogGroup(self, f"{name}Log", retention=logs.RetentionDays.ONE_MONTH),
        )


if __name__ == "__main__":
    app = cdk.App()
    Orders(app)
    app.synth()
