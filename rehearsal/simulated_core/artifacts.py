# SPDX-License-Identifier: Apache-2.0
"""Artifacts of a component version: downloaded, checked by digest, unpacked."""

import base64
import hashlib
import shutil
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.native_packages import fit_packages


def fetch_artifacts(
    cloud: CoreCloud, *, arn: str, manifest: Mapping[str, Any], folder: Path, unarchived: Path
) -> None:
    """Bring every artifact of a manifest into ``folder``.

    A zip with ``Unarchive`` is unpacked into ``unarchived``, into a folder of its name as cores do.
    Raises RehearsalError when a digest differs: a core device refuses such a deployment too.
    """
    for place in (folder, unarchived):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    for artifact in manifest.get("Artifacts", []):
        uri = str(artifact["Uri"])
        name = uri.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        target = folder / name
        if uri.startswith("s3://"):
            bucket, key = uri.removeprefix("s3://").split("/", 1)
            cloud.client("s3").download_file(bucket, key, str(target))
        else:
            _download(cloud, arn=arn, uri=uri, target=target)
        _check_digest(artifact, target)
        if artifact.get("Unarchive") == "ZIP":
            with zipfile.ZipFile(target) as package:
                package.extractall(unarchived / target.stem)
            fit_packages(unarchived / target.stem)
            target.unlink()


def _download(cloud: CoreCloud, *, arn: str, uri: str, target: Path) -> None:
    """An artifact that Greengrass itself keeps: a Lambda function's package."""
    answer = cloud.client("greengrassv2").get_component_version_artifact(
        arn=arn, artifactName=uri.removeprefix("greengrass:")
    )
    url = answer["preSignedUrl"]
    with urllib.request.urlopen(url) as stream, target.open("wb") as file:  # noqa: S310 - local AWS
        shutil.copyfileobj(stream, file)


def _check_digest(artifact: Mapping[str, Any], target: Path) -> None:
    if artifact.get("Algorithm", "SHA-256") != "SHA-256" or "Digest" not in artifact:
        raise RehearsalError(f"artifact {artifact['Uri']} has no SHA-256 digest")
    found = base64.b64encode(hashlib.sha256(target.read_bytes()).digest()).decode()
    if found != artifact["Digest"]:
        raise RehearsalError(
            f"artifact {artifact['Uri']}: digest {found}, not {artifact['Digest']}"
        )
