"""The table unit: activation functions and the input quantizer, one entry for each input code.

    output = table[q - input_low]

Entries are output codes. In a program a step may have a table for each channel (spec/ops/table.py).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from bittrue.spec.units.section import Port, Section


class Table(Section):
    """One read-only memory of 2**(input bits) output codes."""

    stages: ClassVar[tuple[str, ...]] = ()

    input_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    output_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]

    @property
    def ports(self) -> tuple[Port, ...]:
        """Everything that the unit reads when it runs alone."""
        return (
            Port("codes", ("any",), "input codes q"),
            Port("input_low", ("one",), "the lowest input code", -(1 << (self.input_bits_max - 1))),
            Port("table", ("codes",), "the output code of each input code, from the lowest"),
        )
