# SPDX-License-Identifier: Apache-2.0
"""What every section of an environment file is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

Days = Annotated[int, Field(ge=1, le=3650)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A table of an environment file: frozen, typed strictly, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A section's fields by their key in the file: `from` cannot name a Python attribute."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
