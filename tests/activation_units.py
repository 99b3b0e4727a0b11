"""Activation units in many configurations, with random formats and constants that their contract admits.

For the tests of the units (simulator, judge) and of the op.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.activation import (
    ActivationUnit,
    Clamp,
    Function,
    Hardswish,
    IGelu,
    InterpolatedActivation,
    ItaGelu,
    PiecewiseActivation,
    Relu,
    ShiftSilu,
    SigmoidProduct,
    TfliteHardswish,
    TfliteLogistic,
)
from bittrue.spec.units.section import Width

Arrays = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Example:
    """A unit, a function that it serves, and widths that it takes."""

    unit: Any
    function: Function
    source: Width = Width(8, True)
    output: Width = Width(8, True)


def _line(segments: int, rounding: Rounding, *, bits: int = 8, output_bits: int = 8) -> PiecewiseActivation:
    return PiecewiseActivation(
        kind="piecewise", input_bits_max=bits, output_bits_max=output_bits, segments=segments, limit=8, slope_bits=12,
        offset_bits=28, shift_max=24, rounding=rounding,
    )  # fmt: skip


def _table(bits: int, index_bits: int, rounding: Rounding, **fields: Any) -> InterpolatedActivation:
    return InterpolatedActivation(
        kind="interpolated", input_bits_max=bits, output_bits_max=16, index_bits=index_bits, rounding=rounding, **fields
    )


def _shift(function: Function, **fields: Any) -> Example:
    unit = ShiftSilu(
        kind="shift_silu", input_bits_max=8, product=function != "sigmoid",
        **{"fraction_bits": 23, "sigmoid_bits": 8, **fields},
    )  # fmt: skip
    return Example(unit, function)


RTL_SWISH = Hardswish(
    kind="hardswish", input_bits_max=16, sum_bits=16, sixth_shifts=(3, 5, 7, 9, 11, 13), output_shift=8, output_bits=16
)
"""Ammar-Wahidi's swish.sv."""
TFLITE_513 = _table(16, 9, Rounding.HALF_UP, wrap_bits=16, samples="tflite")
"""TFLite's int16 table."""
S16 = Width(16, True)

EXAMPLES: dict[str, Example] = {
    "clamp": Example(Clamp(kind="clamp", input_bits_max=8), "relu6"),
    "clamp, u5": Example(Clamp(kind="clamp", input_bits_max=8), "relu", Width(5, False), Width(5, False)),
    "relu": Example(Relu(kind="relu", input_bits_max=8), "relu6"),
    "relu, u16": Example(Relu(kind="relu", input_bits_max=16), "relu", Width(16, False)),
    "hardswish": Example(Hardswish(kind="hardswish", input_bits_max=8), "hardswish"),
    "hardswish, u8": Example(Hardswish(kind="hardswish", input_bits_max=8), "hardswish", Width(8, False)),
    "hardswish of swish.sv": Example(RTL_SWISH, "hardswish", S16, S16),
    "hardsigmoid": Example(Hardswish(kind="hardswish", input_bits_max=8, product=False), "hardsigmoid"),
    "hardsigmoid by shifts": Example(
        Hardswish(kind="hardswish", input_bits_max=8, product=False, sixth_shifts=(3, 5, 7), output_shift=1),
        "hardsigmoid",
    ),
    "tflite_hardswish": Example(TfliteHardswish(kind="tflite_hardswish", input_bits_max=8), "hardswish"),
    "tflite_hardswish, u8": Example(
        TfliteHardswish(kind="tflite_hardswish", input_bits_max=8), "hardswish", Width(8, False), Width(8, False)
    ),
    "tflite_logistic": Example(TfliteLogistic(kind="tflite_logistic", input_bits_max=16), "sigmoid", S16, S16),
    "interpolated as TFLite": Example(TFLITE_513, "gelu", S16, S16),
    "interpolated, 16 to 8 bits": Example(_table(16, 6, Rounding.HALF_EVEN, fraction_bits=8), "silu", S16),
    "interpolated, u12 to u8": Example(
        _table(12, 4, Rounding.FLOOR, fraction_bits=3), "silu", Width(12, False), Width(8, False)
    ),
    "interpolated at every code": Example(_table(8, 8, Rounding.HALF_AWAY), "silu"),
    "interpolated at every code, fraction": Example(_table(8, 8, Rounding.TOWARD_ZERO, fraction_bits=5), "silu"),
    **{f"piecewise, {mode}": Example(_line(32, mode), "silu") for mode in Rounding},
    "piecewise, one segment": Example(_line(1, Rounding.HALF_UP), "sigmoid"),
    "piecewise, u16": Example(
        _line(100, Rounding.HALF_UP, bits=16, output_bits=16), "gelu", Width(16, False), Width(16, False)
    ),
    "shift_silu": _shift("silu"),
    "shift_silu, coarse": _shift("silu", fraction_bits=6, sigmoid_bits=4),
    "shift_silu for gelu": _shift("gelu"),
    "shift_silu for gelu, by shifts": _shift("gelu", argument_shifts=(1, 3, 4)),
    "shift_silu for sigmoid": _shift("sigmoid", fraction_bits=15, sigmoid_bits=16),
    "shift_silu by rows": _shift("gelu", maximum="row"),
    "shift_silu by rows, by shifts": _shift("gelu", maximum="row", argument_shifts=(1, 3, 4), fraction_bits=15),
    "sigmoid_product": Example(SigmoidProduct(kind="sigmoid_product", input_bits_max=8, sigmoid_bits=8), "silu"),
    "sigmoid_product, u6": Example(
        SigmoidProduct(kind="sigmoid_product", input_bits_max=8, sigmoid_bits=16), "silu", Width(6, False)
    ),
    "igelu": Example(IGelu(kind="igelu", input_bits_max=8, erf_shift=0), "gelu"),
    "igelu, I-BERT's shift": Example(IGelu(kind="igelu", input_bits_max=16, erf_shift=14), "gelu", S16),
    "ita_gelu": Example(ItaGelu(kind="ita_gelu", input_bits_max=8), "gelu"),
}
"""By configuration; every kind occurs."""


def input_zero_point(rng: Generator, example: Example) -> int:
    """A zero point that the unit admits: at the ends of the code range, inside or, mostly, outside as well."""
    low, high = code_range(example.source.bits, example.source.signed)
    if isinstance(example.unit, (ItaGelu, TfliteLogistic)):
        return 0
    inside = [low, high, (low + high + 1) // 2, int(rng.integers(low, high))]
    return int(rng.choice(inside if isinstance(example.unit, TfliteHardswish) else [*inside, low - 300, high + 77]))


def output_zero_point(rng: Generator, example: Example, zero_in: int) -> int:
    """Likewise for the output."""
    low, high = code_range(example.output.bits, example.output.signed)
    if isinstance(example.unit, TfliteLogistic):
        return 0
    return zero_in if isinstance(example.unit, Clamp) else int(rng.choice([low, high, 0, low - 40, high + 9]))


def constants(rng: Generator, example: Example, zero_in: int) -> Arrays:
    """Random parameters by name, without an axis for channels."""
    return _CONSTANTS[example.unit.kind](rng, example, zero_in)


def every_array(rng: Generator, example: Example, codes: NDArray[np.int64]) -> Arrays:
    """Codes, formats and parameters, as the unit's ports name them."""
    zero_in = input_zero_point(rng, example)
    low, high = code_range(example.output.bits, example.output.signed)
    formats = {
        "input_zero_point": zero_in,
        "input_low": code_range(example.source.bits, example.source.signed)[0],
        "input_bits": example.source.bits,
        "output_zero_point": output_zero_point(rng, example, zero_in),
        "low": low,
        "high": high,
    }
    unit: ActivationUnit = example.unit
    read = {port.name: np.array([formats[port.name]]) for port in unit.formats}
    arrays = {"codes": codes, **read, **constants(rng, example, zero_in)}
    unit.check("unit", example.source, example.output, {name: np.atleast_1d(values) for name, values in arrays.items()})
    return arrays


def some_codes(rng: Generator, example: Example, count: int = 256) -> NDArray[np.int64]:
    """Every code where they are at most `count`, else the ends, their neighbours and random ones; shuffled."""
    low, high = code_range(example.source.bits, example.source.signed)
    if high - low < count:
        return rng.permutation(np.arange(low, high + 1))
    codes = rng.integers(low, high, count, endpoint=True)
    codes[:6] = [low, low + 1, high - 1, high, 0, min(high, 1)]
    return codes


def _interpolated(rng: Generator, example: Example, zero_in: int) -> Arrays:
    unit: InterpolatedActivation = example.unit
    low, high = (end << unit.fraction_bits for end in code_range(example.output.bits, example.output.signed))
    count = (1 << unit.index_bits) + 1
    table = rng.integers(low, high, count, endpoint=True)
    return {"table": np.where(rng.random(count) < 0.2, rng.choice([low, high], count), table)}


def _piecewise(rng: Generator, example: Example, zero_in: int) -> Arrays:
    unit: PiecewiseActivation = example.unit
    low, high = code_range(example.source.bits, example.source.signed)
    lines = unit.segments + 2
    shift = int(rng.integers(1, unit.shift_max, endpoint=True))
    reach = max(abs(low - zero_in), abs(high - zero_in))
    steps = (2 << (example.output.bits + shift)) // reach + 1
    slope_low, slope_high = code_range(unit.slope_bits, signed=True)
    offset_low, offset_high = code_range(unit.offset_bits, signed=True)
    return {
        "breakpoints": np.sort(rng.integers(low - zero_in, high + 1 - zero_in, lines - 1, endpoint=True)),
        "slope": rng.integers(max(slope_low, -steps), min(slope_high, steps), lines, endpoint=True),
        "offset": rng.integers(offset_low, offset_high, lines, endpoint=True) >> max(0, 20 - shift),
        "shift": np.array(shift),
    }


def _shift_silu(rng: Generator, example: Example, zero_in: int) -> Arrays:
    top = ((1 << 31) - 1) >> example.unit.fraction_bits
    # In rows a small `one` makes the exponential of a negative row leave 63 bits: `check` refuses it.
    least = 40 if not example.unit.elementwise else 1
    return {"one": np.array(rng.choice([least, min(top, 2000), int(rng.integers(least, min(top, 300)))]))}


def _hardswish(rng: Generator, example: Example, zero_in: int) -> Arrays:
    if example.unit is RTL_SWISH:
        return {"three": np.array(768), "six": np.array(1536)}
    three = int(rng.integers(1, 1 << example.source.bits))
    return {"three": np.array(three), "six": np.array(2 * three + int(rng.integers(-1, 2)))}


def _tflite_hardswish(rng: Generator, example: Example, zero_in: int) -> Arrays:
    return {
        "output_multiplier": rng.integers(1 << 14, 1 << 15),
        "output_shift": rng.integers(0, 16),
        "gate_multiplier": rng.integers(1 << 14, 1 << 15),
        "gate_exponent": rng.integers(-15, 16),
    }


def _igelu(rng: Generator, example: Example, zero_in: int) -> Arrays:
    b = -int(rng.integers(1, 1 << min(example.source.bits + 1, 13)))
    c = -int(rng.integers(1, 2 * b * b))
    return {
        "b": np.array(b),
        "c": np.array(c),
        "one": np.array((c >> example.unit.erf_shift) - int(rng.integers(0, 3))),
    }


def _sigmoid_table(rng: Generator, example: Example, zero_in: int) -> Arrays:
    return {"table": rng.integers(0, 1 << example.unit.sigmoid_bits, 1 << example.source.bits)}


def _clamp(rng: Generator, example: Example, zero_in: int) -> Arrays:
    low, high = code_range(example.source.bits, example.source.signed)
    lower, upper = sorted(rng.integers(low, high, 2, endpoint=True).tolist())
    return {"lower": np.array(lower), "upper": np.array(rng.choice([upper, high]))}


_CONSTANTS: dict[str, Callable[[Generator, Example, int], Arrays]] = {
    "clamp": _clamp,
    "hardswish": _hardswish,
    "igelu": _igelu,
    "interpolated": _interpolated,
    "ita_gelu": lambda rng, example, zero: {
        "b": np.array(rng.choice([-32767, -1, 0, int(rng.integers(-400, 0))])),
        "c": np.array(rng.choice([-32768, 0, int(rng.integers(-32768, 0))])),
    },
    "piecewise": _piecewise,
    "relu": lambda rng, example, zero: {"upper": rng.integers(0, 1 << example.source.bits)},
    "shift_silu": _shift_silu,
    "sigmoid_product": _sigmoid_table,
    "tflite_hardswish": _tflite_hardswish,
    "tflite_logistic": lambda rng, example, zero: {
        "multiplier": np.array(rng.choice([3, 32767, int(rng.integers(1 << 14, 1 << 15))])),
        "shift": rng.integers(0, 16),
    },
}
