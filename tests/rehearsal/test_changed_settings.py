# SPDX-License-Identifier: Apache-2.0
"""Every camera setting that changes takes effect on a camera that runs already.

The recipes and the deployments are those of the templates, the cores behave as nuclei do. In place
of the camera program runs a probe, which reads its settings with the program's own code and writes
them down at each start.
"""

import dataclasses
import io
import json
import os
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest

from camera.settings import from_environment
from contracts.topics import Topics
from infra.config.camera import CameraSettings
from infra.config.settings import BinSettings
from ministack_edge.cloudformation.greengrass import to_api
from ministack_edge.greengrass.lambda_component import recipe_of
from rehearsal.simulated_core import component_process
from rehearsal.simulated_core.device import CoreDevice
from tests.conftest import ROOT
from tests.rehearsal.core_cloud import Cloud, artifact
from tests.synth.assembly_cache import synthesise

NAME, THING = "binsight-test.Inference", "cam-1"
HEAD = """
account = "111111111111"
region = "us-east-1"
prefix = "binsight-test"
removal = "destroy"
"""
BEFORE = {
    "bins": {
        "default": "landfill",
        "unsure_below": 0.4,
        "classes": {"glass": "recycling"},
        "colours": {"landfill": "#4a4f57", "compost": "#1c7c3c", "recycling": "#1460be"},
    },
    "camera": {
        "topic_prefix": "before",
        "source": "dir:/before",
        "model_folder": "/var/before",
        "telemetry_seconds": 10,
        "smoothing_frames": 4,
        "arrival_frames": 3,
        "departure_frames": 2,
        "page": "off",
        "captures": "off",
        "captures_per_hour": 5,
    },
}
AFTER = {
    "bins": {
        "default": "compost",
        "unsure_below": 0.6,
        "classes": {"paper": "compost"},
        "colours": {"landfill": "#4a4f57", "compost": "#5a3e36", "recycling": "#1460be"},
    },
    "camera": {
        "topic_prefix": "after",
        "source": "dir:/after",
        "model_folder": "/var/after",
        "telemetry_seconds": 11,
        "smoothing_frames": 5,
        "arrival_frames": 4,
        "departure_frames": 3,
        "page": "127.0.0.1:8081",
        "captures": "upload",
        "captures_per_hour": 6,
    },
}
PROGRAM_FIELDS = {
    "default": {"bins"},
    "unsure_below": {"bins"},
    "classes": {"bins"},
    "colours": {"bins"},
    "topic_prefix": {"topics"},
    "captures": {"captures", "captures_bucket"},
}
"""What changes in the program's own settings with a setting of the environment, where the name is
another or it is more than one."""


def steps():
    """Each setting's name, and all values once this and the ones before it have changed."""
    values = {section: dict(keys) for section, keys in BEFORE.items()}
    found = []
    for section, keys in AFTER.items():
        for key, value in keys.items():
            values[section][key] = value
            found.append((key, {name: dict(each) for name, each in values.items()}))
    return found


KINDS = {
    "lambda-java": {"packaging": "lambda"},
    "generic-java": {"packaging": "generic", "nucleus": "java"},
    "generic-lite": {"packaging": "generic"},
}
READ = """
import json, os, sys
from camera.settings import from_environment

def text(value):
    return value.to_json() if hasattr(value, "to_json") else str(value)

def tell(environment):
    seen = json.dumps(vars(from_environment(environment)), default=text)
    with open(os.environ["PROBE"] + ".part", "w") as part:
        part.write(seen)
    os.replace(os.environ["PROBE"] + ".part", os.environ["PROBE"])
"""
LAMBDA = READ + "tell(os.environ)\ndef handler(event, context): return None\n"
GENERIC = (
    READ
    + """
sys.path.append(os.environ["PROBE_PACKAGES"])
import camera_component, time
from camera.messaging.publishers import connect_to_core
tell({**camera_component._configuration(connect_to_core), **os.environ})
time.sleep(600)
"""
)
START = """
case "$1" in
prepare) mkdir -p "$2" ;;
run) exec python3.11 "$(dirname "$0")/probe.py" ;;
esac
"""


def test_every_setting_of_a_camera_changes_here():
    """A new one belongs into BEFORE and AFTER."""
    for section, model in (("bins", BinSettings), ("camera", CameraSettings)):
        known = set(model.model_fields) - {"packaging", "nucleus"}
        assert set(BEFORE[section]) == set(AFTER[section]) == known
        assert not [key for key in known if BEFORE[section][key] == AFTER[section][key]]


def toml(values):
    """The sections as TOML; JSON's scalars are TOML's."""
    lines = [HEAD]
    for section, keys in values.items():
        lines.append(f"[{section}]")
        tables = {key: value for key, value in keys.items() if isinstance(value, dict)}
        lines += [f"{key} = {json.dumps(keys[key])}" for key in keys if key not in tables]
        for name, table in tables.items():
            lines.append(f"[{section}.{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """Resources and variables of each kind, before and after each setting's change."""
    work = tmp_path_factory.mktemp("edge")
    (work / "files").mkdir()
    for kind, packaging in KINDS.items():
        for moment, values in (("before", BEFORE), *steps()):
            text = toml({**values, "camera": {**values["camera"], **packaging}})
            (work / "files" / f"{kind}-{moment}.toml").write_text(text, encoding="utf-8")
    synthesise("tests.rehearsal.edge_documents", work / "out", environments=work / "files")
    return {path.stem: json.loads(path.read_text()) for path in (work / "out").glob("*-*.json")}


def package(**files):
    """A zip of the program's settings and of these files."""
    buffer = io.BytesIO()
    inference = ROOT / "lambda" / "inference"
    with zipfile.ZipFile(buffer, "w") as archive:
        for folder, place in ((inference, "camera"), (ROOT, "contracts")):
            for path in (folder / place).rglob("*.py"):
                archive.write(path, path.relative_to(folder))
        archive.write(inference / "camera_component.py", "camera_component.py")
        for name, text in files.items():
            archive.writestr(name.replace("_", ".", 1), text)
    return buffer.getvalue()


def text(value, version):
    """A value of the template as CloudFormation makes it."""
    if isinstance(value, dict) and "Fn::Join" in value:
        return "".join(text(part, version) for part in value["Fn::Join"][1])
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return str(version)
    if isinstance(value, dict) and "Ref" in value:
        return f"arn:aws:lambda:us-east-1:111111111111:function:f:{version}"
    if isinstance(value, dict):
        return {key: text(inner, version) for key, inner in value.items()}
    if isinstance(value, list):
        return [text(inner, version) for inner in value]
    return value


@dataclasses.dataclass
class Camera:
    """A core that gets a template's component and deployment, one template after the other."""

    core: CoreDevice
    cloud: Cloud
    probe: Path
    versions: int = 0

    def deploy(self, document):
        self.versions += 1
        resources = text(document["resources"], self.versions)
        [component] = of_type(resources, "AWS::GreengrassV2::ComponentVersion")
        [deployment] = of_type(resources, "AWS::GreengrassV2::Deployment")
        if "LambdaFunction" in component:
            [function] = of_type(resources, "AWS::Lambda::Function")
            code = package(entry_py=LAMBDA)
            self.cloud.objects["lambda_zip"] = code
            recipe = recipe_of(
                to_api(component)["lambdaFunction"],
                name="f",
                config={"Handler": "entry.handler", "Runtime": function["Runtime"]},
                code=code,
            )
            for manifest in recipe["Manifests"]:
                manifest["Artifacts"] = [artifact("lambda.zip", code, Unarchive="ZIP")]
        else:
            recipe = json.loads(component["InlineRecipe"])
            code = package(probe_py=GENERIC, start_sh=START)
            for manifest in recipe["Manifests"]:
                for each in manifest["Artifacts"]:
                    name = each["Uri"].rpartition("/")[2]
                    self.cloud.objects[name.replace(".", "_")] = code
                    each.update(artifact(name, code))
        self.cloud.add(recipe)
        applied = self.cloud.deployment(to_api(deployment)["components"])
        self.core._apply("runtime", applied)
        assert self.core.problems == []

    def seen(self, seconds=60):
        """What the program read at its last start."""
        deadline = time.monotonic() + seconds
        while not self.probe.exists():
            assert time.monotonic() < deadline, "the program was not started again"
            self.core.check()
            time.sleep(0.05)
        return json.loads(self.probe.read_text())

    def seen_as(self, document):
        """What the program read, once it is sure to be what the document says.

        What it may publish to follows too.
        """
        seen, told = self.seen(), self.told(document)
        assert {key: seen[key] for key in told if key not in UNSEEN} == {
            key: told[key] for key in told if key not in UNSEEN
        }
        assert seen["unknown"] == []
        control = self.core.installer.configuration.of(NAME)["accessControl"]
        [allowed] = [
            policy["resources"]
            for name, policy in control["aws.greengrass.ipc.mqttproxy"].items()
            if name.endswith("publish")
        ]
        topics = Topics(document["variables"]["BINSIGHT_TOPIC_PREFIX"])
        thing = "{iot:thingName}"
        assert allowed == [topics.detections(thing), topics.telemetry(thing)]
        return seen

    def told(self, document):
        """What it should have read, the folder of the model as the simulated core moves it."""
        moved = dict(document["variables"])
        folder = moved["BINSIGHT_MODEL_FOLDER"]
        if folder == self.core.model_folder:
            moved["BINSIGHT_MODEL_FOLDER"] = str(self.core.installer.path_of(folder))
        environment = {**moved, "AWS_IOT_THING_NAME": THING, "AWS_REGION": "us-east-1"}
        asked = vars(from_environment(environment))
        return json.loads(json.dumps(asked, default=plain))


def plain(value):
    """A setting as the probe writes it."""
    return value.to_json() if hasattr(value, "to_json") else str(value)


def of_type(resources, kind):
    return [one["Properties"] for one in resources.values() if one["Type"] == kind]


@pytest.fixture
def camera(tmp_path, monkeypatch):
    """Makes a camera of a nucleus."""
    monkeypatch.setattr(component_process, "SETTLING_SECONDS", 0.3)
    made = []

    def make(nucleus):
        cloud = Cloud()
        core = CoreDevice(
            thing=THING,
            folder=tmp_path / "core",
            cloud=cloud,
            stand_ins={
                "PROBE": str(tmp_path / "probe"),
                "PROBE_PACKAGES": sysconfig.get_path("purelib"),
            },
            model_folder="/var/before",
            nucleus=nucleus,
            news=lambda _: None,
        )
        core.installer.start()
        made.append(core)
        return Camera(core, cloud, tmp_path / "probe")

    yield make
    for core in made:
        core.installer.stop()


UNSEEN = {"publisher", "component_version", "program", "unknown"}
"""Not settings of the environment: how it publishes here, and which version it is."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_takes_effect_on_a_camera_that_runs(kind, documents, camera):
    """One after the other, each by a deployment of its own, and all of them back at the end."""
    subject = camera(kind.rpartition("-")[2])
    start = documents[f"{kind}-before"]
    subject.deploy(start)
    before = first = subject.seen_as(start)
    for setting, _ in steps():
        document = documents[f"{kind}-{setting}"]
        version = subject.core.components[NAME]
        subject.probe.unlink()
        subject.deploy(document)
        after = subject.seen_as(document)
        changed = {key for key in after if after[key] != before[key]} - UNSEEN
        assert changed == PROGRAM_FIELDS.get(setting, {setting}), setting
        before = after
        if kind.startswith("generic") and setting == "captures_per_hour":
            # Code and recipe are as they were: nothing is downloaded for it.
            assert subject.core.components[NAME] == version
    subject.probe.unlink()
    subject.deploy(start)
    again = subject.seen_as(start)
    assert {key: again[key] for key in again if key not in UNSEEN} == {
        key: first[key] for key in first if key not in UNSEEN
    }


def test_the_same_again_restarts_nothing_on_a_java_nucleus(documents, camera):
    subject = camera("java")
    subject.deploy(documents["generic-java-before"])
    subject.seen()
    process = subject.core.installer.process_of(NAME).process
    subject.deploy(documents["generic-java-before"])
    assert subject.core.installer.process_of(NAME).process is process
    assert os.path.exists(f"/proc/{process.pid}")  # noqa: PTH110
