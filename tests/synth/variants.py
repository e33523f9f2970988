# SPDX-License-Identifier: Apache-2.0
"""Dev with other settings: what the shipped environments do not show."""

import re
import shutil
import sys
from pathlib import Path

from rehearsal.taking import moved, taking

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = {
    "generic": 'packaging = "generic"',
    "generic-captures": 'packaging = "generic"\ncaptures = "upload"',
    "lambda-captures": 'captures = "upload"',
    "notebook": 'notebook = "ml.t3.medium"',
    "notebook-in-vpc": (
        'notebook = "ml.t3.medium"\nnotebook_subnet = "subnet-0a1b2c3d"\n'
        'notebook_security_group = "sg-0a1b2c3d"\nweights = "s3://our-weights/mobilenet/"\n'
        'network = "mobilenet_v2"\ninstance_type = "ml.g5.xlarge"\ninstance_count = 2'
    ),
    "longest-names": (
        'prefix = "binsight-longest-prefix1"\nregion = "ap-southeast-2"\n'
        f'[camera]\ntopic_prefix = "{"t" * 115}"'
    ),
    "mail-and-boundary": (
        'permissions_boundary = "our-boundary"\n[insights]\nalert_email = "ops@example.com"'
    ),
    "shares-models": "",
    "takes-models": "",
}
"""Lines of a section that each adds to dev's, or puts in their place; a header goes on."""

SECTIONS = {
    "longest-names": "",
    "mail-and-boundary": "",
    "notebook": "training",
    "notebook-in-vpc": "training",
}
"""Which section they begin with, where it is not [camera]; empty: before all sections."""

TRAINS, TAKES = "shares-models", "takes-models"
"""Dev twice: one takes the models of the other, which is in another account and region."""

_STACKS = {"": "Insights", "camera": "Edge", "training": "Training"}
SHOWN = {name: _STACKS[SECTIONS.get(name, "camera")] for name in VARIANTS}
SHOWN["longest-names"] = "Edge"
SHOWN |= {TRAINS: "Training", TAKES: "Training"}
"""The stack that differs from dev's, but for what others ask of it."""


def write_variant(name: str, folder: Path, *, prefix: str = "binsight-dev") -> None:
    """The environment file of a variant, in a folder of its own, and whom it exchanges with."""
    text = (ROOT / "environments" / "dev.toml").read_text(encoding="utf-8")
    if name in (TRAINS, TAKES):
        folder.mkdir(parents=True)
        text = text.replace("binsight-dev", prefix)
        other = moved(text, account="999999999999", region="eu-west-1")
        trains, takes = (text, other) if name == TRAINS else (other, text)
        (folder / f"{TRAINS}.toml").write_text(trains, encoding="utf-8")
        (folder / f"{TAKES}.toml").write_text(taking(takes, TRAINS, "manual"), encoding="utf-8")
        return
    section = SECTIONS.get(name, "camera")
    for line in VARIANTS[name].splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            continue
        key = line.partition(" ")[0]
        text = re.sub(rf"(?m)^{key} = .*\n", "", text)
        header = f"[{section}]\n" if section else ""
        text = text.replace(header, f"{header}{line}\n", 1)
    folder.mkdir(parents=True)
    (folder / f"{name}.toml").write_text(text.replace("binsight-dev", prefix), encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    # For rehearsals, which need an environment that trains and is alone.
    for variant in VARIANTS.keys() - {TRAINS, TAKES}:
        write_variant(variant, target / variant)
