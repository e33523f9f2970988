# SPDX-License-Identifier: Apache-2.0
"""Make an enrolment kit: a folder that turns a Linux box into a camera with one command.

    make enrolment ENV=prod OUT=kit CAMERAS=serials.csv

The kit contains a claim certificate that can only request a camera's own certificate, for serial
numbers on the list, until it expires. Still, protect its key like a password.
"""

import argparse
import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import botocore
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import AccountError, session_for
from tools.camera_list import CameraList, EnrolmentError, read_cameras

TEMPLATES = Path(__file__).resolve().parent / "templates" / "enrolment"
DAYS = 90
ROOT_CA = "Amazon Root CA 1"


def main() -> int:
    """Write the kit and print what to do with it; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--out", required=True, type=Path, help="a folder that does not exist yet")
    parser.add_argument("--cameras", default="", help="a CSV file of serial,site to expect")
    parser.add_argument("--days", type=int, default=DAYS, help="how long the kit works")
    parser.add_argument("--root-ca", type=Path, help="instead of Amazon's, for a local AWS")
    given = parser.parse_args()
    try:
        settings = load(given.environment)
        cameras = read_cameras(Path(given.cameras)) if given.cameras else []
        if not 1 <= given.days <= 365:
            raise EnrolmentError(f"days = {given.days}; allowed: 1 to 365")
        root_ca = (
            given.root_ca.read_text(encoding="utf-8-sig") if given.root_ca else amazon_root_ca()
        )
        session = session_for(settings)
        known = CameraList(session, settings)
        folder = given.out.expanduser().resolve()
        if folder.exists():
            raise EnrolmentError(
                f"OUT={given.out}: it exists; a kit is written into a new folder, so that no older "
                "key is lost"
            )
        for camera, change in known.add(cameras):
            print(f"  {camera.serial}: {change}")
        certificate_id = write(
            folder,
            iot=session.client("iot"),
            settings=settings,
            known=known,
            root_ca=root_ca,
            days=given.days,
        )
    except (
        SettingsError,
        AccountError,
        EnrolmentError,
        OSError,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"enrolment: {error}", file=sys.stderr)
        return 1
    print(
        f"kit {certificate_id[:8]} in {folder}, for {given.days} days. On each box:\n"
        f"  sudo sh {folder.name}/install.sh SERIAL\n"
        f"To refuse it from now on: make cameras ENV={given.environment} "
        f"REVOKE={certificate_id[:8]}"
    )
    return 0


def write(
    folder: Path, *, iot: Any, settings: Settings, known: CameraList, root_ca: str, days: int
) -> str:
    """Create a claim certificate, write the kit, record it; return the certificate's id.

    ``iot`` is boto3's client. If anything fails, neither folder nor certificate is left.
    """
    endpoints = {
        name: iot.describe_endpoint(endpointType=kind)["endpointAddress"]
        for name, kind in (("data", "iot:Data-ATS"), ("credentials", "iot:CredentialProvider"))
    }
    policy = known.outputs["ClaimPolicy"]
    with ExitStack() as undo:
        folder.mkdir(parents=True, mode=0o700)
        undo.callback(shutil.rmtree, folder)
        made = iot.create_keys_and_certificate(setAsActive=True)
        certificate_id = str(made["certificateId"])
        undo.callback(iot.delete_certificate, certificateId=certificate_id)
        undo.callback(iot.update_certificate, certificateId=certificate_id, newStatus="INACTIVE")
        iot.attach_policy(policyName=policy, target=made["certificateArn"])
        undo.callback(iot.detach_policy, policyName=policy, target=made["certificateArn"])
        _write_private(folder / "claim.private.pem.key", made["keyPair"]["PrivateKey"])
        (folder / "claim.pem.crt").write_text(made["certificatePem"])
        (folder / "AmazonRootCA1.pem").write_text(root_ca)
        values = {
            "ACCOUNT": settings.account,
            "REGION": settings.region,
            "PREFIX": settings.prefix,
            "DATA_ENDPOINT": endpoints["data"],
            "CREDENTIALS_ENDPOINT": endpoints["credentials"],
            "ROLE_ALIAS": known.outputs["RoleAlias"],
            "TEMPLATE": known.outputs["ProvisioningTemplate"],
            "MODEL_FOLDER": settings.camera.model_folder,
            "SOURCE": settings.camera.source,
            "PACKAGING": settings.camera.packaging,
            "MADE": certificate_id[:8],
        }
        for name in ("install.sh", "nucleus.yaml", "nucleus-lite.yaml", "README.txt"):
            text = (TEMPLATES / name).read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            (folder / name).write_text(text)
        (folder / "install.sh").chmod(0o755)
        for name in ("rotate.py", "mqtt_client.py"):
            shutil.copyfile(TEMPLATES / name, folder / name)
        (folder / "kit.json").write_text(
            json.dumps({"environment": settings.prefix, **values}, indent=2) + "\n"
        )
        known.add_kit(certificate_id, days=days)
        undo.pop_all()
    return certificate_id


def amazon_root_ca() -> str:
    """The root certificate that AWS IoT's endpoints are signed under, from botocore's bundle."""
    bundle = Path(botocore.__file__).parent / "cacert.pem"
    for block in bundle.read_text().split("# Issuer:"):
        if f'# Label: "{ROOT_CA}"' in block:
            start, end = block.index("-----BEGIN"), block.index("-----END CERTIFICATE-----")
            return block[start:end] + "-----END CERTIFICATE-----\n"
    raise EnrolmentError(f"{bundle}: no {ROOT_CA}; pass --root-ca FILE")


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(run_command(main))
