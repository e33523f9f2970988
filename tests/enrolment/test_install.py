# SPDX-License-Identifier: Apache-2.0
"""The kit's install.sh, with a root folder of its own and its installers recorded."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "tools" / "templates" / "enrolment"
VALUES = {
    "PREFIX": "binsight",
    "REGION": "eu-central-1",
    "ACCOUNT": "111122223333",
    "MODEL_FOLDER": "/var/lib/binsight/models",
    "SOURCE": "v4l2:/dev/video0?width=1280",
    "TEMPLATE": "binsight-provision",
    "ROLE_ALIAS": "binsight-cameras",
    "DATA_ENDPOINT": "data.example",
    "CREDENTIALS_ENDPOINT": "credentials.example",
    "MADE": "0123abcd",
}
RECORDED = ("java", "unzip", "apt-get", "groupadd", "useradd", "usermod", "systemctl")


class Box:
    """A box: a folder as its root, and commands that only say how they were called."""

    def __init__(self, folder: Path, packaging: str) -> None:
        self.root, self.kit, self.log = folder / "root", folder / "kit", folder / "log"
        self._bin = folder / "bin"
        for made in (self.root / "dev", self.kit, self._bin):
            made.mkdir(parents=True)
        (self.root / "dev/video0").touch()
        for name in ("install.sh", "nucleus.yaml", "nucleus-lite.yaml"):
            text = (TEMPLATES / name).read_text()
            for key, value in {**VALUES, "PACKAGING": packaging}.items():
                text = text.replace(f"@{key}@", value)
            assert "@" not in text.replace("$@", ""), "a value of the kit is not filled in"
            (self.kit / name).write_text(text)
        for name in ("claim.pem.crt", "claim.private.pem.key", "AmazonRootCA1.pem"):
            (self.kit / name).write_text(name)
        for name in ("greengrass-nucleus.zip", "fleet-provisioning.jar", "greengrass-lite.deb"):
            (self.kit / name).touch()
        for name in (*RECORDED, "fleet-provisioning"):
            self.command(name, f'echo "{name} $*" >> "{self.log}"')
        # `install -o user` asks for users that this machine does not have.
        self.command("install", self._without_owners())
        self.cpu = folder / "cpuinfo"
        self.cpu.write_text("flags: sse4_1 sse4_2\n")

    def command(self, name: str, script: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def without(self, name: str) -> None:
        (self._bin / name).unlink()

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "BINSIGHT_ROOT": str(self.root),
            "BINSIGHT_UID": "0",
            "BINSIGHT_MACHINE": "x86_64",
            "BINSIGHT_CPUINFO": str(self.cpu),
            "BINSIGHT_DISK": str(self.root),
            "BINSIGHT_PYTHON": os.environ.get("BINSIGHT_TEST_PYTHON311", "python3.11"),
            **variables,
        }
        return subprocess.run(
            ["sh", str(self.kit / "install.sh"), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def _without_owners(self) -> str:
        real = shutil.which("install")
        return (
            "for each; do shift; case $each in ggc_*|gg_component) continue ;; -o|-g) continue ;; "
            f'esac; set -- "$@" "$each"; done; exec {real} "$@"'
        )


@pytest.fixture
def box(tmp_path: Path) -> Box:
    if not shutil.which("python3.11"):
        pytest.skip("there is no python3.11 here; the camera program needs it")
    return Box(tmp_path, "lambda")


def test_a_box_becomes_a_camera_with_one_command(box):
    done = box.run("cam-7")
    assert done.returncode == 0, done.stderr
    assert "this box is camera binsight-cam-7" in done.stdout
    java = next(line for line in box.calls().splitlines() if line.startswith("java"))
    assert "--trusted-plugin" in java
    assert "--component-default-user ggc_user:ggc_group" in java
    assert "--setup-system-service true" in java
    assert "usermod --append --groups video ggc_user" in box.calls()
    assert (box.root / "var/lib/binsight").is_dir()
    left = sorted(path.name for path in (box.root / "greengrass/v2/claim").iterdir())
    assert left == ["AmazonRootCA1.pem"], "the claim's key stays on no camera"


def test_a_second_run_changes_nothing(box):
    assert box.run("cam-7").returncode == 0
    before = box.calls()
    again = box.run("cam-7")
    assert (again.returncode, box.calls()) == (0, before)
    assert "already; nothing was changed" in again.stdout
    other = box.run("cam-8")
    assert (other.returncode, box.calls()) == (1, before)
    assert "retire that one first" in other.stderr


def test_the_nucleus_gets_the_serial_number_and_the_claims_client_id(box):
    box.command("java", f'cp "$(echo "$*" | sed "s/.*--init-config //; s/ .*//")" {box.log}.yaml')
    assert box.run("cam-7").returncode == 0
    text = Path(f"{box.log}.yaml").read_text()
    assert 'SerialNumber: "cam-7"' in text
    assert 'deviceId: "binsight-claim-cam-7"' in text
    assert "%" not in text


def test_nucleus_lite_is_provisioned_by_its_own_program(tmp_path):
    box = Box(tmp_path, "generic")
    done = box.run("cam-7")
    assert done.returncode == 0, done.stderr
    assert "fleet-provisioning" in box.calls()
    assert "java" not in box.calls()
    assert 'SerialNumber: "cam-7"' in (box.root / "etc/greengrass/config.yaml").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BINSIGHT_UID": "1000"}, "root: run it with sudo"),
        ({"BINSIGHT_MACHINE": "riscv64"}, "an x86_64 or arm64 processor: this one is riscv64"),
        ({"BINSIGHT_MACHINE": "aarch64"}, "the Lambda packaging runs on nothing else"),
        ({"BINSIGHT_CPUINFO": "/dev/null"}, "a processor with SSE4.2"),
    ],
)
def test_what_the_box_lacks_is_said_before_anything_is_changed(box, change, said):
    done = box.run("cam-7", **change)
    assert done.returncode == 1
    assert said in done.stderr
    assert not box.calls()


def test_everything_that_is_missing_is_said_at_once(box):
    (box.root / "dev/video0").unlink()
    (box.kit / "claim.pem.crt").unlink()
    done = box.run("--check", "cam-7", BINSIGHT_UID="5")
    for said in ("/dev/video0", "claim.pem.crt", "root", "3 things are missing"):
        assert said in done.stderr
    assert done.returncode == 1
    assert not box.calls()


@pytest.mark.parametrize(
    ("packaging", "certificate", "service"),
    [
        ("lambda", "greengrass/v2/thingCert.crt", "greengrass.service"),
        ("generic", "var/lib/greengrass/credentials/certificate.pem", "greengrass-lite.target"),
    ],
)
def test_a_camera_rotates_its_certificate_with_one_command(
    tmp_path, packaging, certificate, service
):
    """What rotate.py then does is in test_rotate.py."""
    box = Box(tmp_path, packaging)
    refused = box.run("--rotate", "cam-7")
    assert (refused.returncode, box.calls()) == (1, "")
    assert "is not camera binsight-cam-7" in refused.stderr
    assert box.run("cam-7").returncode == 0
    (box.kit / "rotate.py").write_text("import sys\nprint(sys.argv[1:])\n")
    done = box.run("--rotate", "cam-7")
    assert done.returncode == 0, done.stderr
    asked = ast.literal_eval(done.stdout)
    given = dict(zip(asked[::2], asked[1::2], strict=True))
    assert given["--certificate"] == str(box.root / certificate)
    assert given["--service"] == service
    assert (given["--serial"], given["--prefix"]) == ("cam-7", "binsight")
    assert given["--kit"] == str(box.kit)
    assert box.run("--rotate", "cam-8").returncode == 1


@pytest.mark.parametrize("serial", ["", "claim-7", "a b", "../x", "-x", "a;reboot"])
def test_serial_numbers_that_the_hook_would_refuse_are_refused_here(box, serial):
    done = box.run(serial)
    assert done.returncode == 2
    assert not box.calls()
