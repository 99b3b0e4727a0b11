"""activation by a table of 2**index_bits + 1 nodes with linear interpolation between them.

For codes of b = `input_bits` bits (the tensor's width, not the unit's) and f = b - index_bits, f >= 0:

    u       = q - input_low                                     0 .. 2**b - 1
    index   = u >> f
    base    = table[index]
    slope   = table[index + 1] - base                           wrap(..., wrap_bits) where given
    output  = round_shift((base << f) + slope * (u & (2**f - 1)), f + fraction_bits)
              no rounding where f + fraction_bits = 0; wrap(..., wrap_bits) where given

Entries are output codes, zero point included, with `fraction_bits` fraction bits more. They lie in
low << fraction_bits .. high << fraction_bits, so that no clamp is needed: what lies between two entries rounds
to a code. Node i stands at the code input_low + (i << f); the last one is reached only from below.

TFLite's 513-entry rule for int16 (LUTLookup in kernels/internal/common.h of TensorFlow; LiteRT 2.3.0 runs it for GELU)
is index_bits = 9, fraction_bits = 0, rounding = "half_up", wrap_bits = 16: base + ((slope * (q & 127) + 64) >> 7)
with an int16 slope and an int16 result.

samples says what lowering puts into the table and changes no rule of the unit:
"nodes"   entry i is the function at node i, correctly rounded.
"fitted"  entry i is the function at node i less two thirds of the mean of c over both segments beside it (at the ends:
          of the one), correctly rounded; c is how far the chord lies above the function in a segment's middle. A
          parabola lies 2c/3 below its chord on average, so that the error of the interpolation has the mean zero and
          0.41 times the root mean square of "nodes". Codes that all are nodes (f = 0) have the entries of "nodes".
"tflite"  as TFLite's gen_lut (LUTPopulate), with its arithmetic exact instead of in float32. The nodes lie
          at x_i = low + i * (high - low) / 2**index_bits of the real input range, so a little closer than
          2**f codes; with g the function in output steps without zero point, R rounding to nearest, halves
          away from zero: entry i = R(g(x_i)) - R((R((g(x_{i+1}) + R(g(x_i))) / 2) - R(g(x_i + step / 2))) / 2),
          the last entry R(g(high)); then the zero point and the clamp. TFLite's own float32 moves some entries by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_BITS,
    INPUT_LOW,
    ActivationUnit,
    Bits,
    Function,
    VectorCounts,
    check_range,
)
from bittrue.spec.units.section import Arrays, Port, Width


class InterpolatedActivation(ActivationUnit):
    """See the module docstring."""

    functions: ClassVar[tuple[Function, ...]] = (
        "silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "relu", "relu6",
    )  # fmt: skip
    formats: ClassVar[tuple[Port, ...]] = (INPUT_LOW, INPUT_BITS)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("table", ("nodes",), "output codes at the nodes, 2**index_bits + 1 of them"),
    )
    stages: ClassVar[tuple[str, ...]] = ("index", "base", "slope")

    kind: Literal["interpolated"]
    output_bits_max: Bits
    index_bits: Annotated[int, Field(strict=True, ge=1, le=12)]
    fraction_bits: Annotated[int, Field(strict=True, ge=0, le=16)] = 0
    wrap_bits: Bits | None = None
    rounding: Rounding
    samples: Literal["nodes", "fitted", "tflite"] = "nodes"

    @model_validator(mode="after")
    def _fields_fit(self) -> InterpolatedActivation:
        if self.wrap_bits is not None and self.fraction_bits:
            raise ValueError("wrap_bits and fraction_bits exclude each other")
        return self

    def output_alone(self, source: Width) -> Width:
        """The unit's own width."""
        return Width(self.output_bits_max if self.wrap_bits is None else self.wrap_bits, True)

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse codes narrower than an index, wide outputs, other tables."""
        super().check(where, source, output, arrays)
        if source.bits < self.index_bits:
            raise IllFormed(
                "codes are too narrow for the interpolated table",
                where=where,
                got=f"{source.bits} bits",
                expected=f"at least {self.index_bits} bits, the table's index",
            )
        wraps = self.wrap_bits is not None
        if output.bits > self.output_bits_max or (wraps and (output.bits, output.signed) != (self.wrap_bits, True)):
            raise IllFormed(
                "the output has a width that the interpolated table does not give",
                where=where,
                got=f"{output.bits} bits, {'signed' if output.signed else 'unsigned'}",
                expected=f"{self.wrap_bits} bits, signed" if wraps else f"at most {self.output_bits_max} bits",
            )
        table = arrays["table"]
        if table.shape[-1] != (1 << self.index_bits) + 1:
            raise IllFormed(
                "constant 'table' has the wrong number of nodes",
                where=where,
                got=table.shape[-1],
                expected=(1 << self.index_bits) + 1,
            )
        low, high = code_range(output.bits, output.signed)
        check_range(where, "table", table, low << self.fraction_bits, high << self.fraction_bits)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """An entry is an output code with fraction bits."""
        return {"table": Width(output.bits + self.fraction_bits, output.signed)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """A slope is a difference of two entries."""
        return {
            "index": Width(self.index_bits, False),
            "base": Width(output.bits + self.fraction_bits, output.signed),
            "slope": Width(self.wrap_bits or output.bits + self.fraction_bits + 1, True),
        }

    def work(self, size: int) -> VectorCounts:
        """Two reads, a difference, a product, an addition that rounds."""
        return {"table": 2 * size, "add": 2 * size, "multiply": size}
