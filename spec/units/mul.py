"""mul: the exact product of two activations, then the datapath's requantizer.

    accumulator   A = (a - z_a) * (b - z_b)
    output        the requantizer on A (spec/units/requantization.py), as the datapath has it for mul

The product is no MAC accumulator: it has no overflow rule and no width of its own. Its arithmetic is configured
by `[requantization.of.mul]`; `[mul] ratio` says how lowering finds the ratio of scales, with F and D the
rounding of one operation to float32 and float64:

    exact     scale_a * scale_b / scale_y, rational
    float64   D(D(scale_a * scale_b) / scale_y) of float32 scales: TFLite Micro, measured
    float32   F(F(scale_a * scale_b) / scale_y) of float32 scales: TFLite, XNNPACK, ONNX Runtime, measured
"""

from __future__ import annotations

from typing import Literal

from bittrue.spec.units.add.unit import OPERANDS
from bittrue.spec.units.core import check_requantize, requantize_ports, requantize_stages, within
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.units.section import Arrays, Port, Section


class MulUnit(Section):
    """See the module docstring."""

    ratio: Literal["exact", "float64", "float32"] = "exact"


def mul_ports(unit: RequantizationUnit) -> tuple[Port, ...]:
    """Both operands, their zero points, and what the requantizer reads besides its accumulator."""
    return (*OPERANDS, *(port for port in requantize_ports(unit) if port.name != "accumulator"))


def mul_stages(unit: RequantizationUnit) -> tuple[str, ...]:
    """The product, then the requantizer's stages."""
    return ("accumulator", *requantize_stages(unit))


def check_mul(unit: RequantizationUnit, arrays: Arrays) -> None:
    """Refuse products and parameters that the requantizer cannot hold. Codes and zero points have at most 31 bits."""
    for name in ("a", "b", "zero_point_a", "zero_point_b"):
        within(arrays, name, -(1 << 30), (1 << 30) - 1)
    product = (arrays["a"] - arrays["zero_point_a"]) * (arrays["b"] - arrays["zero_point_b"])
    check_requantize(unit, {**arrays, "accumulator": product})
