# SPDX-License-Identifier: Apache-2.0
"""The recipe of the model component: bring an archive to the camera and have it adopted."""

from typing import Any

from contracts.recipes import recipe

ADOPTION_SECONDS = 120
"""How long the component waits for the camera's answer."""


def model_recipe(
    *,
    component: str,
    version: str,
    digest: str,
    archive_uri: str,
    adopt_uri: str,
    model_folder: str,
    program: str,
) -> str:
    """The recipe text of one model version.

    ``digest`` is the archive's SHA-256; ``model_folder`` the folder shared with the inference
    component, which is called ``program``. Raises RecipeError where a camera would not run it as
    written.
    """
    script = (
        "python3 {artifacts:path}/adopt.py --archive {artifacts:path}/model.tar.gz"
        f" --digest {digest} --version {version}"
        " --folder {configuration:/modelFolder}"
        f" --timeout {ADOPTION_SECONDS}"
    )
    # On nucleus lite a `startup` step is done when it notifies systemd. Exiting here
    # avoids the nucleus's own `systemd-notify --stopping`, which older systemd does not have.
    reported = f"{script} && systemd-notify --ready && exit 0; exit 1"
    artifacts = [{"Uri": uri, "Unarchive": "NONE"} for uri in (archive_uri, adopt_uri)]

    def manifest(runtime: str, script: str) -> dict[str, Any]:
        return {
            "Platform": {"os": "linux", "runtime": runtime},
            "Lifecycle": {"startup": {"Script": script, "Timeout": ADOPTION_SECONDS + 60}},
            "Artifacts": artifacts,
        }

    return recipe(
        name=component,
        version=version,
        description="The trash model of a Binsight camera, adopted while it runs",
        publisher="Binsight",
        configuration={"modelFolder": model_folder},
        # A new camera may get its model before its program, because the order is not guaranteed:
        # then the model's deployment installs the program with its defaults. The runtime deployment
        # decides its version. SOFT: neither is stopped with the other.
        dependencies={program: {"VersionRequirement": ">=0.0.0", "DependencyType": "SOFT"}},
        # `startup`, because no nucleus waits for `run`: the Java nucleus completes a deployment
        # when it has started, and nucleus lite checks once, 5 s after the start. Cameras that take
        # longer to refuse a model would report it as deployed.
        manifests=[manifest("aws_nucleus_lite", reported), manifest("*", script)],
    )
