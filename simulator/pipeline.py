"""The requantizer with every register that a datapath may have, one element at a time.

States spec/units/requantization.py for the kinds "integer", "shift" and "float32"; `requantize.py` uses it
where the unit is not plain, `units/requantize.py` for its stages. Intermediates wrap in int64, which keeps
the low bits that a narrower wrapping register keeps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, clamp, round_shift, saturate, wrap
from bittrue.simulator.jit import jit
from bittrue.spec.units.requantization import RequantizationUnit

STAGES = ("entered", "centred", "lifted", "product", "high", "rounded", "limited", "placed", "output")
"""What `pipeline` returns, in order."""

NONE = -1
"""Stands for a register or a second rounding that the unit does not have."""
INT32 = 32

(
    FLOAT, ROUNDING, SECOND, FIRST_SHIFT, INPUT_BITS, BIAS, BIAS_SUM_BITS, PRODUCT_BITS, LIFTED_BITS, HIGH_BITS,
    SHIFTED_BITS, SHIFTED_WRAPS, PLACE, PLACED_BITS, ZERO_FROM,
) = range(15)  # fmt: skip
NO_BIAS, BEFORE_MULTIPLY, AFTER_MULTIPLY = 0, 1, 2
BIASES = {"none": NO_BIAS, "before_multiply": BEFORE_MULTIPLY, "after_multiply": AFTER_MULTIPLY}
AFTER_SHIFT, AFTER_SATURATION, NO_ZERO_POINT, BEFORE_ROUNDING = 0, 1, 2, 3
PLACES = {
    "after_shift": AFTER_SHIFT,
    "after_saturation": AFTER_SATURATION,
    "none": NO_ZERO_POINT,
    "before_rounding": BEFORE_ROUNDING,
}


def rule_of(unit: RequantizationUnit, *, bias: bool = False) -> NDArray[np.int64]:
    """The unit as the array of small integers by which compiled code knows it; indices as above.

    bias: whether one is given.
    """

    def register(bits: int | None) -> int:
        return NONE if bits is None else bits

    rule = np.zeros(15, np.int64)
    rule[FLOAT] = unit.kind == "float32"
    rule[ROUNDING] = ROUNDING_CODES[unit.rounding]
    rule[SECOND] = NONE if unit.second is None else ROUNDING_CODES[unit.second]
    rule[FIRST_SHIFT] = unit.first_shift
    rule[INPUT_BITS] = register(unit.input_bits)
    rule[BIAS] = BIASES[unit.bias] if bias else NO_BIAS
    rule[BIAS_SUM_BITS] = register(unit.bias_sum_bits)
    rule[PRODUCT_BITS] = register(unit.product_bits)
    rule[LIFTED_BITS] = register(unit.lifted_bits)
    rule[HIGH_BITS] = register(unit.high_bits)
    rule[SHIFTED_BITS] = register(unit.shifted_bits)
    rule[SHIFTED_WRAPS] = unit.shifted_overflow == "wrap"
    rule[PLACE] = PLACES[unit.zero_point]
    rule[PLACED_BITS] = register(unit.placed_bits)
    rule[ZERO_FROM] = register(unit.shift_zero_from)
    return rule


@jit
def kept(value: Integer, bits: Integer) -> Integer:
    """The value in a wrapping register, or as it is where there is none."""
    return wrap(value, bits) if bits != NONE else value


@jit
def scaled_by_float(value: Integer, scale: np.float32, zero_point: Integer) -> Integer:
    """rint(float32(value) * scale + zero_point), each step rounded half to even, limited to int32."""
    real = np.rint(np.float32(np.float32(np.float32(value) * scale) + np.float32(zero_point)))
    # Compared before the conversion: a float beyond int64 has no integer.
    if real >= np.float32(2147483648.0):
        return np.int64(2147483647)
    if real <= np.float32(-2147483648.0):
        return np.int64(-2147483648)
    return np.int64(real)


@jit
def pipeline(
    accumulator: Integer,
    multiplier: Integer,
    scale: np.float32,
    shift: Integer,
    zero_point: Integer,
    low: Integer,
    high: Integer,
    bias: Integer,
    offset: Integer,
    unsigned: Integer,
    rule: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer]:
    """All STAGES of one element; those that the unit does not have repeat the value before them."""
    entered: Integer = np.int64(accumulator)
    if rule[BIAS] == BEFORE_MULTIPLY:
        entered += bias
    bits = rule[INPUT_BITS]
    if bits != NONE:
        entered = entered & ((1 << bits) - 1) if unsigned else wrap(entered, bits)
    centred = entered - offset
    lifted: Integer = centred
    product: Integer = centred
    half: Integer = centred
    if rule[FLOAT]:
        rounded = scaled_by_float(centred, scale, zero_point if rule[PLACE] == BEFORE_ROUNDING else 0)
        half = rounded
    elif rule[SECOND] != NONE:
        first, rest = rule[FIRST_SHIFT], shift - rule[FIRST_SHIFT]
        if rest < 0:
            lifted = centred << -rest
        lifted = kept(lifted, rule[LIFTED_BITS])
        product = kept(lifted * np.int64(multiplier), rule[PRODUCT_BITS])
        half = round_shift(product, first, rule[ROUNDING])
        if rule[HIGH_BITS] != NONE:
            half = saturate(half, rule[HIGH_BITS])
        rounded = round_shift(half, rest, rule[SECOND]) if rest > 0 else half
    else:
        product = kept(centred * np.int64(multiplier), rule[PRODUCT_BITS])
        if rule[BIAS] == AFTER_MULTIPLY:
            product = kept(product + bias, rule[BIAS_SUM_BITS])
        rounded = product if shift == 0 else round_shift(product, shift, rule[ROUNDING])
        half = rounded
    if rule[ZERO_FROM] != NONE and shift >= rule[ZERO_FROM]:
        rounded = np.int64(0)
    limited = rounded
    if rule[SHIFTED_BITS] != NONE:
        limited = wrap(rounded, rule[SHIFTED_BITS]) if rule[SHIFTED_WRAPS] else saturate(rounded, rule[SHIFTED_BITS])
    placed = limited
    if rule[PLACE] == AFTER_SHIFT:
        placed = kept(limited + zero_point, rule[PLACED_BITS])
    output = clamp(placed, low, high)
    if rule[PLACE] == AFTER_SATURATION:
        output = clamp(output + zero_point, low, high)
    return entered, centred, lifted, product, half, rounded, limited, placed, output
