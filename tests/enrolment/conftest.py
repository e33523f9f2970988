# SPDX-License-Identifier: Apache-2.0
"""One local AWS with an environment's policies and provisioning template, and a camera in it."""

import json
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from infra.config.messages_policy import messages_policy
from infra.edge.iot_policies import claim_policy, greengrass_policy
from ministack_edge.process import LocalAws, free_port
from rehearsal.simulated_core.enrol import enrol
from rehearsal.simulated_core.mqtt import Certificate, Endpoint

ACCOUNT, REGION, PREFIX = "111122223333", "eu-central-1", "binsight"
TEMPLATE, ALIAS = f"{PREFIX}-provision", f"{PREFIX}-cameras"


class _Environment:
    """What the policies ask of an environment's stack."""

    settings = SimpleNamespace(prefix=PREFIX)

    def arn(self, service, resource):
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def format_arn(self, *, service, account, resource, resource_name, **_form):
        return f"arn:aws:{service}:{REGION}:{account}:{resource}:{resource_name}"


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    work = tmp_path_factory.mktemp("local-aws")
    with LocalAws(port=free_port(), mqtt_port=free_port(), work=work) as running:
        yield running


@pytest.fixture(scope="session")
def client_of(aws):
    """Makes a boto3 client of the environment's account."""

    def make(service):
        return boto3.client(
            service,
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )

    return make


@pytest.fixture(scope="session")
def iot(client_of):
    return client_of("iot")


@pytest.fixture(scope="session")
def endpoint(aws, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    with urllib.request.urlopen(f"{aws.endpoint}/_ministack/iot/ca.pem") as answer:  # noqa: S310
        path.write_bytes(answer.read())
    return Endpoint(host="localhost", port=aws.mqtt_port, root_ca=path)


def trusting(service):
    """A trust policy for one service."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="session")
def account(client_of, iot):
    """The environment's policies and its provisioning template, without the hook."""
    iam = client_of("iam")
    role = iam.create_role(RoleName="provisioning", AssumeRolePolicyDocument=trusting("iot"))
    exchange = iam.create_role(
        RoleName="exchange", AssumeRolePolicyDocument=trusting("credentials.iot")
    )
    for name in (ALIAS, "others"):
        iot.create_role_alias(roleAlias=name, roleArn=exchange["Role"]["Arn"])
    iam.put_role_policy(
        RoleName="provisioning",
        PolicyName="all",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
            }
        ),
    )
    iot.create_policy(
        policyName="camera",
        policyDocument=json.dumps(messages_policy(REGION, ACCOUNT, "binsight")),
    )
    alias = SimpleNamespace(attr_role_alias_arn=f"arn:aws:iot:{REGION}:{ACCOUNT}:rolealias/{ALIAS}")
    iot.create_policy(
        policyName="greengrass",
        policyDocument=json.dumps(greengrass_policy(_Environment(), alias)),
    )
    iot.create_policy(
        policyName="claim",
        policyDocument=json.dumps(claim_policy(_Environment(), TEMPLATE)),
    )
    body = {
        "Parameters": {
            "SerialNumber": {"Type": "String"},
            "AWS::IoT::Certificate::Id": {"Type": "String"},
        },
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Fn::Join": ["", [f"{PREFIX}-", {"Ref": "SerialNumber"}]]}
                },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                    "Status": "ACTIVE",
                },
            },
            **{
                name: {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name}}
                for name in ("camera", "greengrass")
            },
        },
    }
    iot.create_provisioning_template(
        templateName=TEMPLATE,
        provisioningRoleArn=role["Role"]["Arn"],
        templateBody=json.dumps(body),
        enabled=True,
    )


@pytest.fixture(scope="session")
def claim(iot, account, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claim")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="claim", target=made["certificateArn"])
    certificate = Certificate(certificate=folder / "c.pem", key=folder / "k.pem")
    certificate.certificate.write_text(made["certificatePem"])
    certificate.key.write_text(made["keyPair"]["PrivateKey"])
    return certificate


@pytest.fixture(scope="session")
def enrolled(endpoint, claim):
    """Enrols a camera with the claim."""

    def run(folder: Path, serial: str, nucleus="java"):
        return enrol(
            endpoint,
            claim,
            prefix=PREFIX,
            template=TEMPLATE,
            serial=serial,
            nucleus=nucleus,
            folder=folder,
        )

    return run


@pytest.fixture(scope="session")
def camera(enrolled, tmp_path_factory):
    return enrolled(tmp_path_factory.mktemp("own"), "cam-7")
