# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages of docs/ from the code: ``python -m tools.reference``."""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotated_types import Ge, Le, MaxLen
from pydantic.fields import FieldInfo

from contracts.detection import DETECTION_COLUMNS
from infra.config import limits
from infra.config.base import Section
from infra.config.errors import allowed_pattern
from infra.config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "tools" / "templates" / "environment.toml"
_NOTE = "<!-- Written by `make reference`. Do not edit by hand. -->"
