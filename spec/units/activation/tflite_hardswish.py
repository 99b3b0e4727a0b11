"""TFLite's HARD_SWISH on int8: everything in 16 bits, two 16-bit multipliers.

    hires   = (q - input_zero_point) << 7                       an int16
    scaled  = H(hires, output_multiplier)
    gate: r = sat16(hires << (gate_exponent - 1)) if gate_exponent > 0, else hires
          r = H(r, gate_multiplier)
          r = sat16(r << 1) if gate_exponent > 0;  P(r, -gate_exponent) if gate_exponent < 0
    gate    = (r + 2**15) >> 1                                  0 .. 32767: the gate as Q0.15
    product = gate * scaled / 2**15, toward zero
    output  = clamp(P(product, output_shift) + output_zero_point, low, high)

    H(a, b) = floor((a * b + 2**14) / 2**15)                    half up; multipliers are 0 .. 32767
    P(a, n) = a / 2**n to nearest, halves away from zero;  a for n = 0
    sat16   = the nearest int16

The multipliers come from the float32 scales: with h = s_in / 128, output: h / s_out = m * 2**-output_shift, gate:
h * 32768 / 3 = m * 2**gate_exponent, quotients in float32, m in [1/2, 1) rounded to 31 bits, then halves up to 15
bits (32767 at most). h / s_out must be below 1. A right shift above 15 is refused: TFLite's 16-bit mask overflows
there. Source: kernels/internal/reference/hard_swish.h and activations.cc
(HardSwishPrepare) of TensorFlow @ 4cdb5e9; the reference, optimized and XNNPACK kernels of LiteRT 2.3.0 all give these
integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    OUTPUT_HIGH,
    OUTPUT_LOW,
    OUTPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_range,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width


class TfliteHardswish(ActivationUnit):
    """See the module docstring."""

    functions: ClassVar[tuple[Function, ...]] = ("hardswish",)
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT, OUTPUT_ZERO_POINT, OUTPUT_LOW, OUTPUT_HIGH)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("output_multiplier", ("any",), "16-bit multiplier of the output scale"),
        Port("output_shift", ("any",), "right shift of the output scale, 0 .. 15"),
        Port("gate_multiplier", ("any",), "16-bit multiplier of the gate"),
        Port("gate_exponent", ("any",), "left shift of the gate, -15 .. 15; negative is a right shift"),
    )
    stages: ClassVar[tuple[str, ...]] = ("scaled", "gate", "product")

    kind: Literal["tflite_hardswish"]

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse codes whose distance from the zero point does not fit 9 bits, and constants out of range."""
        super().check(where, source, output, arrays)
        if largest(source, arrays) > 255:
            raise IllFormed(
                "an input code times 128 does not fit 16 bits",
                where=where,
                got=f"code minus zero point up to {largest(source, arrays)}",
                expected="at most 255",
                next_step='use 8-bit codes with a zero point that is a code (tensors.zero_points = "clamped")',
            )
        check_range(where, "output_multiplier", arrays["output_multiplier"], 0, 32767)
        check_range(where, "gate_multiplier", arrays["gate_multiplier"], 0, 32767)
        check_range(where, "output_shift", arrays["output_shift"], 0, 15)
        check_range(where, "gate_exponent", arrays["gate_exponent"], -15, 15)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """16-bit registers; shifts up to 15."""
        return {
            "output_multiplier": Width(15, False),
            "output_shift": Width(4, False),
            "gate_multiplier": Width(15, False),
            "gate_exponent": Width(5, True),
        }

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """16-bit registers."""
        return {"scaled": Width(16, True), "gate": Width(15, False), "product": Width(16, True)}

    def work(self, size: int) -> VectorCounts:
        """Three products, each with a rounding shift, and the requantization's clamp."""
        return {"multiply": 3 * size, "add": 2 * size, "compare": 2 * size, "requantize": size}
