# SPDX-License-Identifier: Apache-2.0
"""Changes of apps of other people: what is dangerous in services that this project has none of."""

import pytest

from review_testing.pairs import (
    added,
    changed,
    judged,
    new_stack,
    removed,
    resource,
    sections,
    wanted,
)
from template_review.model import Item

ANYBODY = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
OWN = "arn:aws:iam::111111111111:root"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ALL = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRAIL = resource("AWS::CloudTrail::Trail", IsLogging=True, IsMultiRegionTrail=True)
TABLE = resource("AWS::DynamoDB::Table", TableName="t", _DeletionPolicy="Retain")
FUNCTION = resource("AWS::Lambda::Function", Code={"ZipFile": "x"}, Role="r")
SAM = resource("AWS::Serverless::Function", Handler="a.b", CodeUri="s3://«B»/k")
FIREWALL = resource(
    "AWS::WAFv2::WebACL",
    Scope="REGIONAL",
    DefaultAction={"Block": {}},
    Rules=[{"Name": "r", "Priority": 1, "Action": {"Block": {}}}],
)
TAGGED = resource("AWS::DynamoDB::Table", Tags=[{"Key": "backup", "Value": "daily"}])
BACKUP = resource(
    "AWS::Backup::BackupSelection",
    BackupSelection={"ListOfTags": [{"ConditionKey": "backup", "ConditionValue": "daily"}]},
)
WHEN = {"Keep": {"Fn::Equals": ["a", "a"]}, "Both": {"Fn::And": [{"Condition": "Keep"}]}}
NEVER = {**WHEN, "Keep": {"Fn::Equals": ["a", "b"]}}
KEPT = {"T": resource("AWS::DynamoDB::Table", _Condition="Both")}
PASSWORD = {"Pw": {"Type": "String", "NoEcho": True}}
ENTRY = {"NetworkAclId": "acl-1", "Protocol": -1, "RuleNumber": 1, "Egress": False}
OPEN_GROUP = [{"CidrIp": "0.0.0.0/1", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}]

DANGEROUS = [
    new_stack("new stack: database", "AWS::RDS::DBInstance", PubliclyAccessible=True),
    new_stack("new stack: URL", "AWS::Lambda::Url", AuthType="NONE", TargetFunctionArn="x"),
    new_stack("new stack: user", "AWS::IAM::AccessKey", UserName="u"),
    new_stack("new stack: share", "AWS::RAM::ResourceShare", Principals=["999999999999"]),
    new_stack(
        "new stack: logs go to another account",
        "AWS::Logs::SubscriptionFilter",
        DestinationArn="arn:aws:logs:us-east-1:999999999999:destination:x",
    ),
    changed("requests let through", FIREWALL, DefaultAction={"Allow": {}}),
    changed(
        "requests counted only",
        FIREWALL,
        Rules=[{"Name": "r", "Priority": 1, "Action": {"Count": {}}}],
    ),
    changed("one region recorded", TRAIL, IsMultiRegionTrail=False),
    changed(
        "identities for anybody",
        resource("AWS::Cognito::IdentityPool", AllowUnauthenticatedIdentities=False),
        AllowUnauthenticatedIdentities=True,
    ),
    changed(
        "plain traffic",
        resource("AWS::ElasticLoadBalancingV2::Listener", Protocol="HTTPS"),
        Protocol="HTTP",
    ),
    changed(
        "password in a variable", FUNCTION, Environment={"Variables": {"DB_PASSWORD": "hunter2"}}
    ),
    changed(
        "bus for anybody",
        resource("AWS::Events::EventBusPolicy", StatementId="s"),
        Statement=ANYBODY["Statement"][0],
    ),
    changed("files for anybody", resource("AWS::EFS::FileSystem"), FileSystemPolicy=ANYBODY),
    added(
        "layer for anybody",
        "AWS::Lambda::LayerVersionPermission",
        Principal="*",
        LayerVersionArn="x",
    ),
    added("user may all", "AWS::IAM::UserPolicy", UserName="u", PolicyDocument=ALL),
    changed(
        "people may all", resource("AWS::SSO::PermissionSet", Name="n"), ManagedPolicies=[ADMIN]
    ),
    changed("SAM: may all", SAM, Policies=[ALL]),
    changed("SAM: administrator", SAM, Policies=["AdministratorAccess"]),
    changed("SAM: URL for anybody", SAM, FunctionUrlConfig={"AuthType": "NONE"}),
    added("half of the internet", "AWS::EC2::SecurityGroup", SecurityGroupIngress=OPEN_GROUP),
    added(
        "network open",
        "AWS::EC2::NetworkAclEntry",
        **ENTRY,
        RuleAction="allow",
        CidrBlock="0.0.0.0/0",
    ),
    removed(
        "network denies less",
        "AWS::EC2::NetworkAclEntry",
        **ENTRY,
        RuleAction="deny",
        CidrBlock="0.0.0.0/0",
    ),
    changed("no snapshot of a table", TABLE, _DeletionPolicy="Snapshot"),
    removed("zone gone", "AWS::Route53::HostedZone", Name="example.com"),
    sections(
        "table under a condition that changes",
        {"Conditions": WHEN, "Resources": KEPT},
        {"Conditions": NEVER, "Resources": KEPT},
    ),
    sections(
        "hidden parameter shown",
        {"Parameters": PASSWORD, "Resources": {}},
        {"Parameters": {"Pw": {"Type": "String"}}, "Resources": {}},
    ),
    sections(
        "output shows a hidden parameter",
        {"Parameters": PASSWORD, "Resources": {}},
        {"Parameters": PASSWORD, "Resources": {}, "Outputs": {"O": {"Value": {"Ref": "Pw"}}}},
    ),
    sections(
        "bucket is emptied",
        {"Resources": {"B": resource("AWS::S3::Bucket")}},
        {
            "Resources": {
                "B": resource("AWS::S3::Bucket"),
                "E": resource("Custom::S3AutoDeleteObjects", BucketName={"Ref": "B"}),
            }
        },
    ),
]
S3_URLS = (
    "https://s3.amazonaws.com/evil/a.json",
    "https://s3.eu-west-1.amazonaws.com/evil/a.json",
    "https://s3-us-west-2.amazonaws.com/evil/a.json",
    "https://s3.dualstack.us-east-1.amazonaws.com/evil/a.json",
    "https://evil.s3.us-east-1.amazonaws.com/a.json",
)
NESTED = resource("AWS::CloudFormation::Stack", TemplateURL="https://«B».s3.amazonaws.com/a")
ORGANISATION = {"Key": "aws:PrincipalOrgID", "Type": "StringEquals", "Value": "o-1"}
APPROVAL = {"Name": "a", "ActionTypeId": {"Category": "Approval", "Provider": "Manual"}}
ALARM = resource(
    "AWS::CloudWatch::Alarm",
    MetricName="Errors",
    Namespace="AWS/Lambda",
    AlarmActions=["arn:aws:sns:us-east-1:111111111111:t"],
    InsufficientDataActions=["arn:aws:sns:us-east-1:111111111111:t"],
)
DANGEROUS += [
    *(changed(f"template of {url}", NESTED, TemplateURL=url) for url in S3_URLS),
    *(
        removed(f"gone: {kind}", kind)
        for kind in (
            "AWS::AccessAnalyzer::Analyzer",
            "AWS::Config::ConfigurationRecorder",
            "AWS::DLM::LifecyclePolicy",
            "AWS::IoT::SecurityProfile",
            "AWS::Organizations::Policy",
            "AWS::SecretsManager::RotationSchedule",
            "AWS::SageMaker::MonitoringSchedule",
            "AWS::WAFv2::LoggingConfiguration",
        )
    ),
    added("code of an unknown bucket", FUNCTION["Type"], Code={"S3Bucket": "evil", "S3Key": "k"}),
    changed("messages kept a minute", resource("AWS::SQS::Queue"), MessageRetentionPeriod=60),
    changed(
        "unsigned code is only warned of",
        resource(
            "AWS::Lambda::CodeSigningConfig",
            CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
        ),
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"},
    ),
    changed(
        "bus for every organisation",
        resource("AWS::Events::EventBusPolicy", StatementId="s", Condition=ORGANISATION),
        Condition=None,
    ),
    changed(
        "private interface opened",
        resource("AWS::ApiGateway::RestApi", EndpointConfiguration={"Types": ["PRIVATE"]}),
        EndpointConfiguration={"Types": ["REGIONAL"]},
    ),
    changed(
        "nobody approves",
        resource("AWS::CodePipeline::Pipeline", Stages=[{"Name": "s", "Actions": [APPROVAL]}]),
        Stages=[{"Name": "s", "Actions": []}],
    ),
    changed(
        "secret written out",
        resource("AWS::SecretsManager::Secret", GenerateSecretString={}),
        SecretString="hunter22",
        GenerateSecretString=None,
    ),
]
LOOK = [
    new_stack("new stack: API key", "AWS::AppSync::GraphQLApi", AuthenticationType="API_KEY"),
    changed(
        "machine's role", resource("AWS::IAM::InstanceProfile", Roles=["small"]), Roles=["admin"]
    ),
    changed(
        "signed-in people's role",
        resource("AWS::Cognito::IdentityPoolRoleAttachment", Roles={"authenticated": "a"}),
        Roles={"authenticated": "b"},
    ),
    changed(
        "old ciphers",
        resource("AWS::ElasticLoadBalancing::LoadBalancer", Policies=[{"PolicyName": "a"}]),
        Policies=[{"PolicyName": "b"}],
    ),
    changed(
        "commands of a machine",
        resource("AWS::EC2::Instance", _Metadata={"AWS::CloudFormation::Init": {"a": "b"}}),
        _Metadata={"AWS::CloudFormation::Init": {"a": "c"}},
    ),
    changed("policy by a value", TABLE, _DeletionPolicy={"Ref": "P"}),
    sections(
        "tag that a backup asks for",
        {"Resources": {"T": TAGGED, "S": BACKUP}},
        {"Resources": {"T": resource("AWS::DynamoDB::Table"), "S": BACKUP}},
    ),
    sections(
        "SAM: defaults",
        {"Globals": {"Api": {"Auth": {"DefaultAuthorizer": "A"}}}, "Resources": {}},
        {"Resources": {}},
    ),
    changed(
        "older policy language",
        resource("AWS::IAM::Policy", PolicyDocument={"Version": "2012-10-17", **ALL}),
        PolicyDocument={"Version": "2008-10-17", **ALL},
    ),
]
LOOK += [
    changed("key deleted sooner", resource("AWS::KMS::Key"), PendingWindowInDays=7),
    changed("nobody hears of missing data", ALARM, InsufficientDataActions=[]),
    changed("machine ends", ALARM, OKActions=["arn:aws:automate:us-east-1:ec2:terminate"]),
    changed("shorter by default", resource("AWS::Lambda::Function", Timeout=90), Timeout=None),
    *(
        sections(
            f"tag that {kind} asks for",
            {"Resources": {"T": TAGGED, "S": resource(kind, **asks)}},
            {"Resources": {"T": resource("AWS::DynamoDB::Table"), "S": resource(kind, **asks)}},
        )
        for kind, asks in (
            ("AWS::DLM::LifecyclePolicy", {"PolicyDetails": {"TargetTags": [{"Key": "backup"}]}}),
            ("AWS::CodeDeploy::DeploymentGroup", {"Ec2TagFilters": [{"Key": "backup"}]}),
            ("AWS::Config::ConfigRule", {"Scope": {"TagKey": "backup"}}),
        )
    ),
]
SAFE = [
    new_stack("new stack: topic", "AWS::SNS::Topic"),
    changed("tag that nobody asks for", TAGGED, Tags=[{"Key": "backup", "Value": "weekly"}]),
    changed("name of a secret", FUNCTION, Description="the database's password"),
]


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[str, list[Item]]]:
    return judged([*DANGEROUS, *LOOK, *SAFE])


@pytest.mark.parametrize(("title", "expected"), wanted(dangerous=DANGEROUS, look=LOOK, safe=SAFE))
def test_verdict(title: str, expected: str, found: dict[str, tuple[str, list[Item]]]):
    level, items = found[title]
    assert level == expected, [(item.level.words, item.subject, item.text) for item in items]


def test_nothing_is_said_to_be_replaced_that_a_transform_expands(found):
    _, items = found["SAM: URL for anybody"]
    assert not [item.text for item in items if "replaced" in item.text]
