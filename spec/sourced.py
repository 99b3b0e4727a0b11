"""What every table of a machine file shares: no unknown keys, strict types, and a source for each number.

A key that has a default stands for a mechanism that the machine does not have; it needs a source only where the
file gives it.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Cycles = Annotated[int, Field(ge=0)]
Picojoule = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A table of a machine file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    source: dict[str, str] = Field(default_factory=dict)
    """Where each number of the section comes from, by key. Other keys may have one."""

    @model_validator(mode="after")
    def _every_number_has_a_source(self) -> Self:
        numbers = [
            key
            for key in type(self).model_fields
            if key in self.model_fields_set and key != "format_version" and type(getattr(self, key)) in (int, float)
        ]
        without = [key for key in numbers if not self.source.get(key, "").strip()]
        if without:
            raise ValueError(f"a number has no source: {', '.join(without)}; name it in this section's `source` table")
        unknown = sorted(set(self.source) - set(type(self).model_fields))
        if unknown:
            raise ValueError(f"a source is given for a key that does not exist: {', '.join(unknown)}")
        return self
