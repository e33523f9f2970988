# SPDX-License-Identifier: Apache-2.0
"""What the review knows of Binsight. Nothing else in tools/review does, apart from the sections
that are named here."""

from pathlib import Path

from tools.review.binsight.bins import bin_items
from tools.review.binsight.files import FILES
from tools.review.binsight.gates import GATES, gate_items
from tools.review.greengrass import greengrass_items
from tools.review.project import Project

PROJECT = Project(
    sections=(bin_items, greengrass_items, gate_items),
    gates=GATES,
    # The accounts of AWS from which SageMaker's images come, by region (AWS's public list).
    known_accounts=frozenset(
        {
            *("763104351884", "727897471807", "626614931356", "871362719292", "364406365360"),
            *("907027046896", "457447274322", "692866216735", "503227376785", "914824155844"),
            *("217643126080", "442386744353", "772153158452", "637423239942", "550225433462"),
            *("683313688378", "246618743249", "662702820516", "141502667606"),
        }
    ),
    files=FILES,
    own_code=frozenset({"camera", "contracts", "rollout", "training"}),
    more_apps=(Path(__file__).with_name("roles.py"),),
)
