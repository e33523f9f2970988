# SPDX-License-Identifier: Apache-2.0
"""A core enrols over MQTT with mutual TLS, and is refused what its certificates do not allow."""

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
from rehearsal.simulated_core.https import DeviceHttps
from rehearsal.simulated_core.mqtt import Certificate, Connection, Endpoint, RefusedError

ACCOUNT, REGION, PREFIX = "111122223333", "eu-central-1", "binsight"
TEMPLATE, ALIAS = f"{PREFIX}-provision", f"{PREFIX}-cameras"
OWN = f"{PREFIX}-cam-7"


class _Environment:
    """What the policies ask of an environment's stack."""

    settings = SimpleNamespace(prefix=PREFIX)

    def arn(self, service, resource):
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def format_arn(self, *, service, account, resource, resource_name, **_form):
        return f"arn:aws:{service}:{REGION}:{account}:{resource}:{resource_name}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    work = tmp_path_factory.mktemp("local-aws")
    with LocalAws(port=free_port(), mqtt_port=free_port(), work=work) as running:
        yield running


@pytest.fixture(scope="module")
def iot(aws):
    return boto3.client(
        "iot",
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
    )


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def account(aws, iot):
    """The environment's policies and its provisioning template, without the hook."""
    iam = boto3.client(
        "iam",
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
    )
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


@pytest.fixture(scope="module")
def claim(iot, account, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claim")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="claim", target=made["certificateArn"])
    certificate = Certificate(certificate=folder / "c.pem", key=folder / "k.pem")
    certificate.certificate.write_text(made["certificatePem"])
    certificate.key.write_text(made["keyPair"]["PrivateKey"])
    return certificate


def _enrolled(endpoint, claim, folder: Path, serial: str, nucleus="java"):
    return enrol(
        endpoint,
        claim,
        prefix=PREFIX,
        template=TEMPLATE,
        serial=serial,
        nucleus=nucleus,
        folder=folder,
    )


@pytest.fixture(scope="module")
def camera(endpoint, claim, tmp_path_factory):
    return _enrolled(endpoint, claim, tmp_path_factory.mktemp("own"), "cam-7")


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_both_nuclei_get_a_certificate_of_their_own(endpoint, claim, tmp_path, nucleus):
    made = _enrolled(endpoint, claim, tmp_path, f"new-{nucleus}", nucleus)
    assert made.thing == f"{PREFIX}-new-{nucleus}"
    with Connection(endpoint, made.certificate, made.thing) as connection:
        connection.publish(f"binsight/{made.thing}/telemetry", b"{}")


def test_a_camera_speaks_and_listens_as_itself(endpoint, camera):
    with Connection(endpoint, camera.certificate, OWN) as connection:
        connection.subscribe(f"binsight/{OWN}/commands", lambda *_message: None)
        connection.publish(f"binsight/{OWN}/detections", b"{}")


@pytest.mark.parametrize(
    "topic",
    [
        f"binsight/{PREFIX}-cam-8/detections",
        f"binsight/{OWN}/commands",
        f"$aws/things/{PREFIX}-cam-8/shadow/update",
        "elsewhere",
    ],
)
def test_a_camera_publishes_nothing_else(endpoint, camera, topic):
    with Connection(endpoint, camera.certificate, OWN) as connection, pytest.raises(RefusedError):
        connection.publish(topic, b"{}")


@pytest.mark.parametrize(
    "topic_filter", ["#", "binsight/#", f"binsight/{PREFIX}-cam-8/commands", "binsight/+/commands"]
)
def test_a_camera_hears_nobody_else(endpoint, camera, topic_filter):
    with Connection(endpoint, camera.certificate, OWN) as connection, pytest.raises(RefusedError):
        connection.subscribe(topic_filter, lambda *_message: None)


@pytest.mark.parametrize("client_id", [f"{PREFIX}-cam-8", f"{OWN}#2", f"{PREFIX}-claim-7"])
def test_a_camera_connects_under_no_other_name(endpoint, camera, client_id):
    with pytest.raises(RefusedError):
        Connection(endpoint, camera.certificate, client_id).open()


@pytest.mark.parametrize("client_id", [OWN, f"{PREFIX}-cam-8", "anything"])
def test_a_claim_cannot_throw_a_camera_off(endpoint, claim, camera, client_id):
    with pytest.raises(RefusedError):
        Connection(endpoint, claim, client_id).open()


@pytest.mark.parametrize(
    "topic", [f"binsight/{OWN}/detections", "$aws/provisioning-templates/other/provision/json"]
)
def test_a_claim_asks_for_a_certificate_and_nothing_else(endpoint, claim, topic):
    with Connection(endpoint, claim, f"{PREFIX}-claim-9") as asking, pytest.raises(RefusedError):
        asking.publish(topic, b"{}")


def test_a_deactivated_certificate_connects_no_more(endpoint, claim, iot, tmp_path):
    made = _enrolled(endpoint, claim, tmp_path, "gone")
    [principal] = iot.list_thing_principals(thingName=made.thing)["principals"]
    iot.update_certificate(certificateId=principal.rpartition("/")[2], newStatus="INACTIVE")
    with pytest.raises(RefusedError):
        Connection(endpoint, made.certificate, made.thing).open()
    with pytest.raises(RefusedError, match="invalid on this endpoint"):
        _ask_for_credentials(endpoint, made.certificate, made.thing)


def _ask_for_credentials(endpoint, certificate, thing, alias=ALIAS):
    path = f"/role-aliases/{alias}/credentials"
    return DeviceHttps(endpoint, certificate).get(path, **{"x-amzn-iot-thingname": thing})


def test_a_camera_gets_credentials_of_its_own_alias_as_itself(endpoint, camera, claim):
    found = _ask_for_credentials(endpoint, camera.certificate, OWN)
    assert found["credentials"]["accessKeyId"].startswith("ASIA")
    with pytest.raises(RefusedError, match="Access Denied"):
        _ask_for_credentials(endpoint, camera.certificate, OWN, "others")
    with pytest.raises(RefusedError, match="Invalid thing name"):
        _ask_for_credentials(endpoint, camera.certificate, f"{PREFIX}-cam-8")
    # A claim has no thing, and its policy names no alias.
    with pytest.raises(RefusedError, match="Access Denied"):
        _ask_for_credentials(endpoint, claim, "")
