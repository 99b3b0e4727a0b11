"""What every section of a Datapath shares: strict fields, and how a unit that can run alone says what it reads.

A section is one arithmetic unit of the hardware. Its docstring is normative: the formula, every width and
the source. It knows no Call and no Program: spec/ops adapts units to steps, `bittrue unit` runs them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Integers = NDArray[np.integer]
Arrays = Mapping[str, Integers]
"""What a unit reads or made, by port or stage name."""


class Section(BaseModel):
    """Frozen; unknown keys are refused; integers are integers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Width:
    """Bits and signedness of a register."""

    bits: int
    signed: bool


@dataclass(frozen=True)
class Port:
    """One array that a unit reads when it runs alone."""

    name: str
    axes: tuple[str, ...]
    """Named axes, e.g. ("rows", "n"). Parameters broadcast against the unit's main array by NumPy's rule:
    one value, one per entry of the last axis, or one per element."""
    meaning: str
    default: int | None = None
    """Taken where the file brings no such array; None: it must be there, unless it is optional."""
    optional: bool = False
    """Whether the unit does without where the file brings no such array."""
    kind: Literal["integer", "float32"] = "integer"
    """"float32": a scale; stored and carried as its IEEE-754 bits (int32)."""
