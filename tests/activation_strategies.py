"""Any activation unit that the contract can express, with constants and codes to the ends of their ranges.

Hypothesis strategies, one a kind; what a unit's `check` refuses is for the test to pass over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from activation_units import EXAMPLES, Arrays, Example, some_codes
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.activation import (
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

S16 = Width(16, True)


def rows(unit: Any, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """As they are, or as rows of up to 16 for a unit with a row maximum."""
    return codes if unit.elementwise else codes.reshape(-1, min(16, codes.size))


def near(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of low..high: the ends, their neighbours, 0, and every magnitude."""
    ends = sorted({v for v in (low, low + 1, -1, 0, 1, high - 1, high) if low <= v <= high})
    sizes = st.integers(0, max(abs(low), abs(high)).bit_length()).flatmap(lambda bits: st.integers(0, 1 << bits))
    signed = st.tuples(sizes, st.sampled_from([-1, 1])).map(lambda pair: min(high, max(low, pair[0] * pair[1])))
    return st.sampled_from(ends) | signed


def arrays_of(draw: st.DrawFn, example: Example, constants: dict[str, Any]) -> Arrays:
    """Codes over the whole range, and the formats that the unit reads; zero points far outside as well."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    least, _ = code_range(example.source.bits, example.source.signed)
    low, high = code_range(example.output.bits, example.output.signed)
    formats = {
        "input_zero_point": draw(near(-(1 << 12), 1 << 12) | near(-(1 << 30), (1 << 30) - 1)),
        "input_low": least,
        "input_bits": example.source.bits,
        "output_zero_point": draw(near(-(1 << 30), (1 << 30) - 1) | near(low, high)),
        "low": low,
        "high": high,
    }
    read = {port.name: np.array(formats[port.name]) for port in example.unit.formats}
    codes = rows(example.unit, some_codes(rng, example, 256))
    return {"codes": codes, **read, **{name: np.array(values) for name, values in constants.items()}}


@st.composite
def any_hardswish(draw: st.DrawFn) -> tuple[Example, Arrays]:
    shifts = tuple(draw(st.lists(st.integers(0, 40), max_size=7)))
    register = st.none() | st.integers(2, 48)
    unit = Hardswish(
        kind="hardswish", input_bits_max=16, product=draw(st.booleans()), sum_bits=draw(register), sixth_shifts=shifts,
        output_shift=draw(st.integers(0, 40)) if shifts else 0, output_bits=draw(register) if shifts else None,
    )  # fmt: skip
    example = Example(unit, "hardswish", draw(widths))
    return example, arrays_of(draw, example, {"three": draw(near(0, 2**30 - 1)), "six": draw(near(0, 2**30 - 1))})


@st.composite
def any_igelu(draw: st.DrawFn) -> tuple[Example, Arrays]:
    example = Example(IGelu(kind="igelu", input_bits_max=16, erf_shift=draw(st.integers(0, 31))), "gelu", draw(widths))
    constants = {"b": -draw(near(0, 1 << 30)), "c": -draw(near(0, 1 << 61)), "one": -draw(near(0, 1 << 61))}
    return example, arrays_of(draw, example, constants)


@st.composite
def any_interpolated(draw: st.DrawFn) -> tuple[Example, Arrays]:
    source, output, index_bits = draw(widths), draw(widths), draw(st.integers(1, 12))
    assume(source.bits >= index_bits)
    wraps = draw(st.booleans()) and output.signed
    unit = InterpolatedActivation(
        kind="interpolated", input_bits_max=16, output_bits_max=16, index_bits=index_bits,
        fraction_bits=0 if wraps else draw(st.integers(0, 16)), wrap_bits=output.bits if wraps else None,
        rounding=draw(st.sampled_from(Rounding)),
    )  # fmt: skip
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    low, high = (end << unit.fraction_bits for end in code_range(output.bits, output.signed))
    count = (1 << index_bits) + 1
    table = np.where(rng.random(count) < 0.5, rng.choice([low, high], count), rng.integers(low, high, count))
    example = Example(unit, "silu", source, output)
    return example, arrays_of(draw, example, {"table": table})


@st.composite
def any_piecewise(draw: st.DrawFn) -> tuple[Example, Arrays]:
    source, output, segments = draw(widths), draw(widths), draw(st.integers(1, 40))
    slope_bits, offset_bits, shift_max = draw(st.integers(2, 24)), draw(st.integers(2, 48)), draw(st.integers(1, 40))
    unit = PiecewiseActivation(
        kind="piecewise", input_bits_max=16, output_bits_max=16, segments=segments, limit=8, slope_bits=slope_bits,
        offset_bits=offset_bits, shift_max=shift_max, rounding=draw(st.sampled_from(Rounding)),
    )  # fmt: skip
    example = Example(unit, "silu", source, output)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    lines = segments + 2
    slope, offset = (_edgy(rng, *code_range(bits, signed=True), lines) for bits in (slope_bits, offset_bits))
    arrays = arrays_of(draw, example, {"slope": slope, "offset": offset, "shift": draw(near(1, shift_max))})
    x = arrays["codes"] - arrays["input_zero_point"]
    breakpoints = np.sort(rng.choice([*x.reshape(-1).tolist(), int(x.min()) - 1, int(x.max()) + 1], segments + 1))
    return example, {**arrays, "breakpoints": breakpoints}


@st.composite
def any_shift_silu(draw: st.DrawFn) -> tuple[Example, Arrays]:
    fraction_bits = draw(st.integers(1, 30))
    unit = ShiftSilu(
        kind="shift_silu", input_bits_max=16, fraction_bits=fraction_bits, sigmoid_bits=draw(st.integers(2, 16)),
        argument_shifts=tuple(draw(st.lists(st.integers(1, 15), max_size=4))), product=draw(st.booleans()),
        maximum=draw(st.sampled_from(["element", "row"])),
    )  # fmt: skip
    example = Example(unit, "silu", draw(widths))
    return example, arrays_of(draw, example, {"one": draw(near(1, (2**31 - 1) >> fraction_bits))})


@st.composite
def any_sigmoid_product(draw: st.DrawFn) -> tuple[Example, Arrays]:
    bits, source = draw(st.integers(2, 16)), draw(widths)
    example = Example(SigmoidProduct(kind="sigmoid_product", input_bits_max=16, sigmoid_bits=bits), "silu", source)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    return example, arrays_of(draw, example, {"table": _edgy(rng, 0, (1 << bits) - 1, 1 << source.bits)})


@st.composite
def any_tflite_hardswish(draw: st.DrawFn) -> tuple[Example, Arrays]:
    unit, source = TfliteHardswish(kind="tflite_hardswish", input_bits_max=8), draw(narrow)
    example = Example(unit, "hardswish", source, draw(narrow))
    arrays = arrays_of(
        draw,
        example,
        {
            "output_multiplier": draw(near(0, 32767)),
            "output_shift": draw(near(0, 15)),
            "gate_multiplier": draw(near(0, 32767)),
            "gate_exponent": draw(near(-15, 15)),
        },
    )
    low, high = code_range(source.bits, source.signed)
    return example, {**arrays, "input_zero_point": np.array(draw(near(high - 255, low + 255)))}


@st.composite
def any_tflite_logistic(draw: st.DrawFn) -> tuple[Example, Arrays]:
    example = Example(TfliteLogistic(kind="tflite_logistic", input_bits_max=16), "sigmoid", draw(widths), S16)
    arrays = arrays_of(draw, example, {"multiplier": draw(near(0, 32767)), "shift": draw(near(0, 31))})
    return example, {**arrays, "input_zero_point": np.array(0), "output_zero_point": np.array(0)}


@st.composite
def any_ita_gelu(draw: st.DrawFn) -> tuple[Example, Arrays]:
    example = Example(ItaGelu(kind="ita_gelu", input_bits_max=8), "gelu", Width(draw(st.integers(2, 8)), True))
    arrays = arrays_of(draw, example, {"b": draw(near(-32767, 0)), "c": draw(near(-32768, 0))})
    return example, {**arrays, "input_zero_point": np.array(0)}


@st.composite
def any_relu(draw: st.DrawFn) -> tuple[Example, Arrays]:
    example = Example(Relu(kind="relu", input_bits_max=16), "relu", draw(widths))
    return example, arrays_of(draw, example, {"upper": draw(near(0, 2**31 - 1))})


@st.composite
def any_clamp(draw: st.DrawFn) -> tuple[Example, Arrays]:
    chosen = EXAMPLES["clamp, u5" if draw(st.booleans()) else "clamp"]
    low, high = code_range(chosen.source.bits, chosen.source.signed)
    lower, upper = sorted([draw(near(low, high)), draw(near(low, high))])
    arrays = arrays_of(draw, chosen, {"lower": lower, "upper": upper})
    return chosen, {**arrays, "output_zero_point": arrays["input_zero_point"]}


def _edgy(rng: np.random.Generator, low: int, high: int, count: int) -> NDArray[np.int64]:
    return np.where(
        rng.random(count) < 0.3, rng.choice([low, high], count), rng.integers(low, high, count, endpoint=True)
    )


widths = st.builds(Width, st.integers(2, 16), st.booleans())
narrow = st.builds(Width, st.integers(2, 8), st.booleans())
STRATEGIES = {
    "clamp": any_clamp(),
    "hardswish": any_hardswish(),
    "igelu": any_igelu(),
    "interpolated": any_interpolated(),
    "ita_gelu": any_ita_gelu(),
    "piecewise": any_piecewise(),
    "relu": any_relu(),
    "shift_silu": any_shift_silu(),
    "sigmoid_product": any_sigmoid_product(),
    "tflite_hardswish": any_tflite_hardswish(),
    "tflite_logistic": any_tflite_logistic(),
}
"""By kind: an example and all arrays that it reads."""
