# SPDX-License-Identifier: Apache-2.0
"""The generic packaging, deployed and run: from its templates to a detection in the cloud.

Dev with ``packaging = "generic"`` goes to a local AWS. A simulated core that is as strict as
nucleus lite installs what the deployments name, through its own IPC.
"""

import os
import sys
import time
import urllib.request

import pytest

from ministack_edge.process import LocalAws, free_port
from rehearsal.aws_client import Cloud
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.device import CoreDevice
from rehearsal.simulated_core.https import DeviceHttps
from rehearsal.simulated_core.mqtt import Certificate, Connection, Endpoint
from rollout.recipe import model_recipe
from tests.camera import tiny
from tests.conftest import ROOT
from tests.environments.copies import synthesise
from tests.rehearsal.deploy import deploy
from tests.synth.variants import write_variant

ACCOUNT, REGION, THING = "111111111111", "us-east-1", "binsight-dev-1"
RUNTIME, FLEET = "binsight-dev-runtime", "binsight-dev-model-fleet"
INFERENCE, MODEL, VERSION = "binsight-dev.Inference", "binsight-dev.Model", "1.0.1"


def until(condition, *, seconds=240, core=None):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if core is not None:
            core.check()
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("generic")


@pytest.fixture(scope="module")
def assembly(work):
    """The cloud assembly of the variant."""
    write_variant("generic", work / "files")
    synthesise(work / "files", work / "assembly")
    return work / "assembly" / "generic"


@pytest.fixture(scope="module")
def aws(work):
    with LocalAws(port=free_port(), mqtt_port=free_port(), work=work / "local-aws") as running:
        yield running


@pytest.fixture(scope="module")
def cloud(aws, assembly):
    """The variant in a local AWS."""
    found = Cloud(endpoint=aws.endpoint, account=ACCOUNT, region=REGION, prefix="binsight-dev")
    deploy(found, assembly)
    return found


@pytest.fixture(scope="module")
def devices(aws, work):
    """Where cameras connect."""
    root_ca = work / "root-ca.pem"
    with urllib.request.urlopen(f"{aws.endpoint}/_ministack/iot/ca.pem") as answer:  # noqa: S310
        root_ca.write_bytes(answer.read())
    return Endpoint(host="localhost", port=aws.mqtt_port, root_ca=root_ca)


@pytest.fixture(scope="module")
def camera(cloud, devices, work):
    """Starts a camera on nucleus lite, in the groups that the provisioning template names."""

    def start(thing, groups=(RUNTIME, FLEET)):
        own = identity(cloud, work / f"{thing}-identity", thing, groups)
        (work / "lens").mkdir(exist_ok=True)
        device = CoreDevice(
            thing=thing,
            folder=work / thing,
            cloud=CoreCloud(
                endpoint=cloud.endpoint,
                region=REGION,
                thing=thing,
                role_alias=cloud.outputs()["RoleAlias"],
                nucleus="lite",
                device=DeviceHttps(devices, own),
            ),
            connection=Connection(devices, own, thing).open(),
            stand_ins={
                "BINSIGHT_SOURCE": f"dir:{work / 'lens'}?follow=1&hold=6&gap=4&fps=15",
                "BINSIGHT_PAGE": "off",
            },
            model_folder="/var/lib/binsight/models",
            nucleus="lite",
            news=lambda _: None,
        )
        device.start()
        return device

    return start


def identity(cloud, folder, thing, groups):
    """What enrolment leaves: a thing in these groups, one after the other, and its certificate."""
    iot = cloud.client("iot")
    iot.create_thing(thingName=thing)
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
    for policy in ("binsight-dev-camera", "binsight-dev-camera-greengrass"):
        iot.attach_policy(policyName=policy, target=made["certificateArn"])
    for group in groups:
        iot.add_thing_to_thing_group(thingGroupName=group, thingName=thing)
    folder.mkdir()
    own = Certificate(certificate=folder / "certificate.pem", key=folder / "private.key")
    own.certificate.write_text(made["certificatePem"])
    own.key.write_text(made["keyPair"]["PrivateKey"])
    return own


@pytest.fixture(scope="module")
def core(camera):
    device = camera(THING)
    yield device
    device.stop()


def test_the_artifact_is_installed_and_runs_by_its_recipe(core, cloud):
    until(lambda: INFERENCE in core.components, core=core)
    log = core.folder / f"{INFERENCE}.log"
    assert "binsight: Python {}.{}".format(*sys.version_info[:2]) in log.read_text()
    assert core.installer.path_of("/var/lib/binsight/models").is_dir()
    # It told through the core's IPC that it is there, and listens to commands.
    until(lambda: core.installer.ipc.subscribed(f"binsight-dev/{THING}/commands"), core=core)


def test_a_model_is_adopted_and_a_detection_arrives(core, cloud, work):
    until(lambda: INFERENCE in core.components, core=core)
    outputs = cloud.outputs()
    archive, digest = tiny.write_model(work / "model")
    folder = f"components/{MODEL}/{VERSION}"
    adopt = ROOT / "lambda" / "rollout" / "rollout" / "adopt.py"
    bucket = outputs["ArtifactsBucket"]
    for path, name in ((archive, "model.tar.gz"), (adopt, "adopt.py")):
        cloud.client("s3").upload_file(str(path), bucket, f"{folder}/{name}")
    recipe = model_recipe(
        component=MODEL,
        version=VERSION,
        digest=digest,
        archive_uri=f"s3://{bucket}/{folder}/model.tar.gz",
        adopt_uri=f"s3://{bucket}/{folder}/adopt.py",
        model_folder="/var/lib/binsight/models",
        program=INFERENCE,
    )
    greengrass = cloud.client("greengrassv2")
    greengrass.create_component_version(inlineRecipe=recipe.encode())
    greengrass.create_deployment(
        targetArn=f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{outputs['FleetThingGroup']}",
        components={MODEL: {"componentVersion": VERSION}},
    )
    until(lambda: MODEL in core.components, core=core)
    part = work / "lens" / ".glass.jpg"
    part.write_bytes(tiny.photo("glass"))
    os.replace(part, work / "lens" / "glass.jpg")  # noqa: PTH105 - appears whole

    def row():
        table = cloud.client("dynamodb").get_item(
            TableName=outputs["LatestTable"],
            Key={"thing": {"S": THING}, "kind": {"S": "detection"}},
        )
        return table.get("Item")

    found = until(row, core=core)
    assert found["class"] == {"S": "glass"}
    assert found["bin"] == {"S": "recycling"}
    assert VERSION in str(found["model"])


def test_a_new_camera_whose_model_comes_before_its_program_adopts_it(core, camera):
    """Provisioning puts it into both groups at once, and their jobs come in no promised order."""
    until(lambda: MODEL in core.components, core=core)
    new = camera(f"{THING}-new", groups=(FLEET, RUNTIME))
    try:
        until(lambda: MODEL in new.components, core=new)
        until(lambda: new.installer.ipc.subscribed(f"binsight-dev/{new.thing}/commands"), core=new)
        assert new.components == core.components
        until(lambda: "adopted" in (new.folder / f"{MODEL}.log").read_text(), core=new)
    finally:
        new.stop()
