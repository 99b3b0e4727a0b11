"""Lowering of activation units: constants by hand, exact nodes and lines, and errors as small as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from activation_units import EXAMPLES, RTL_SWISH, TFLITE_513, Example
from numpy.typing import NDArray
from op_datapaths import datapath
from small_models import pictures, small_plan

from bittrue.calibration.lowering.activation import KINDS
from bittrue.calibration.lowering.activation.formats import Channel, Lowered
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.lowering.tables import FUNCTIONS, function_table
from bittrue.calibration.options import CalibrationOptions
from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.simulator.units.activation import KINDS as UNITS
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.errors import BittrueError
from bittrue.spec.program import Program
from bittrue.spec.units.activation import (
    Clamp,
    Hardswish,
    IGelu,
    InterpolatedActivation,
    ItaGelu,
    PiecewiseActivation,
    ShiftSilu,
    TfliteHardswish,
    TfliteLogistic,
)

FINE = Fraction(1, 1 << 11)
"""A 16-bit scale that reaches 16."""


def channel(
    function: str,
    scale_in: Fraction,
    scale_out: Fraction,
    *,
    bits: int = 8,
    out: int = 8,
    zero_in: int = 0,
    zero_out: int = 0,
) -> Channel:
    """Signed codes on both sides."""
    return Channel(function, scale_in, zero_in, code_range(bits, True), scale_out, zero_out, code_range(out, True))


def run(unit: Any, given: Channel, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The unit's output for codes, with lowered constants."""
    formats = {
        "input_zero_point": given.zero_in,
        "input_low": given.codes_in[0],
        "input_bits": (given.codes_in[1] - given.codes_in[0]).bit_length(),
        "output_zero_point": given.zero_out,
        "low": given.codes_out[0],
        "high": given.codes_out[1],
    }
    read = {port.name: np.array(formats[port.name]) for port in unit.formats}
    return UNITS[unit.kind](unit, {"codes": codes, **read, **KINDS[unit.kind](unit, given).constants})["output"]


def largest_error(unit: Any, given: Channel) -> float:
    """The largest distance of the real output from the real function, over every 8-bit code or many 16-bit codes."""
    low, high = given.codes_in
    codes = np.arange(low, high + 1, 1 if high - low < 256 else 89)
    lowered, output = KINDS[unit.kind](unit, given), run(unit, given, codes)
    real = output * float(lowered.ratio * given.scale_out) if lowered.ratio else output * float(given.scale_out)
    exact = [float(FUNCTIONS[given.function]((int(q) - given.zero_in) * given.scale_in)) for q in codes]
    return float(np.abs(real - np.array(exact)).max())


def integers(lowered: Lowered) -> Mapping[str, Any]:
    """Constants as Python integers."""
    return {name: array.tolist() for name, array in lowered.constants.items()}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_table_with_a_node_at_every_code_is_the_exact_table(function: str) -> None:
    """Where no code lies between nodes, the interpolated table is the table of the op table."""
    unit = InterpolatedActivation(
        kind="interpolated", input_bits_max=8, output_bits_max=8, index_bits=8, rounding=Rounding.FLOOR
    )
    given = channel(function, Fraction(1, 13), Fraction(1, 17), zero_in=-20, zero_out=-100)
    codes = np.arange(-128, 128)
    wanted = function_table(
        FUNCTIONS[function], (-128, 127), float(given.scale_in), -20, float(given.scale_out), -100, (-128, 127)
    )
    close = np.abs(run(unit, given, codes) - wanted)
    assert close.max() <= 1  # the scales above are no float64, so that a tie may fall to the other side
    assert (close > 0).sum() <= 2


@pytest.mark.parametrize(("samples", "most"), [("nodes", 4.0), ("tflite", 2.6)])
def test_interpolation_of_513_nodes(samples: str, most: float) -> None:
    """gelu from 16 to 16 bits: the error in output steps; TFLite's half midpoint correction makes it smaller."""
    unit = TFLITE_513.model_copy(update={"samples": samples})
    given = channel("gelu", FINE / 4, FINE / 4, bits=16, out=16)
    assert largest_error(unit, given) / float(given.scale_out) < most


@pytest.mark.parametrize(("segments", "error"), [(16, 0.054), (32, 0.015), (64, 0.0039), (128, 0.0028)])
def test_piecewise_silu_is_as_exact_as_its_lines(segments: int, error: float) -> None:
    """On [-8, 8] the chords of 16 to 128 segments leave these errors; from 128 on the tails' 0.0027 is the largest."""
    unit = PiecewiseActivation(
        kind="piecewise", input_bits_max=16, output_bits_max=16, segments=segments, limit=8, slope_bits=16,
        offset_bits=34, shift_max=30, rounding=Rounding.HALF_UP,
    )  # fmt: skip
    found = largest_error(unit, channel("silu", FINE, FINE, bits=16, out=16))
    assert 0.7 * error < found < error + float(FINE)


def test_lines_by_hand() -> None:
    """hardsigmoid on [-3, 3] in two segments, x in halves, y in 1/96: 0; 0 to 48 and 48 to 96 at 8 a code; 96."""
    unit = PiecewiseActivation(
        kind="piecewise", input_bits_max=8, output_bits_max=8, segments=2, limit=3, slope_bits=8, offset_bits=16,
        shift_max=6, rounding=Rounding.HALF_UP,
    )  # fmt: skip
    given = channel("hardsigmoid", Fraction(1, 2), Fraction(1, 96), zero_in=4)
    assert integers(KINDS["piecewise"](unit, given)) == {
        "breakpoints": [-6, 0, 6],
        "slope": [0, 64, 64, 0],  # 8 << 3; 8 << 4 = 128 does not fit 8 bits
        "offset": [0, 384, 384, 768],
        "shift": 3,
    }


def test_lines_that_no_code_reaches_are_0_and_do_not_decide_the_shift() -> None:
    """With codes of -1.28 .. 1.27 the segments of [-8, 8] beyond +-2 are empty."""
    unit = EXAMPLES["piecewise, half_up"].unit
    found = integers(KINDS["piecewise"](unit, channel("silu", Fraction(1, 100), Fraction(1, 100))))
    assert found["breakpoints"] == sorted(found["breakpoints"])
    reached = [
        left < right for left, right in zip([-128, *found["breakpoints"]], [*found["breakpoints"], 128], strict=True)
    ]
    assert sum(reached) == 6  # [-1.5, 1.5] in halves
    assert [pair != (0, 0) for pair in zip(found["slope"], found["offset"], strict=True)] == reached


@pytest.mark.parametrize(
    ("name", "steps", "error"),
    [
        ("shift_silu", 16, 0.5),
        ("shift_silu for gelu", 16, 0.6),
        ("shift_silu for gelu, by shifts", 16, 0.6),
        ("shift_silu for sigmoid", 16, 0.07),
        ("hardswish", 16, 0.02),
        ("hardsigmoid", 16, 0.011),
        ("sigmoid_product", 16, 0.032),
        ("igelu", 16, 0.04),
        ("relu", 16, 0.04),
    ],
)
def test_real_error(name: str, steps: int, error: float) -> None:
    """Units in front of the requantizer follow their function on 8-bit codes of 1/16, each as far as it can."""
    example = EXAMPLES[name]
    assert largest_error(example.unit, channel(example.function, Fraction(1, steps), Fraction(1, 32))) < error


def test_shift_silu_by_hand() -> None:
    """one = ceil(1 / scale), of 1.702 * scale for gelu unless shifts carry it; the ratio has the sigmoid's 1/128."""
    silu = ShiftSilu(kind="shift_silu", input_bits_max=8, fraction_bits=20, sigmoid_bits=8)
    found = KINDS["shift_silu"](silu, channel("silu", Fraction(3, 100), Fraction(1, 10)))
    assert integers(found) == {"one": 34}
    assert found.ratio == Fraction(3, 100) / 128 * 10
    assert integers(KINDS["shift_silu"](silu, channel("gelu", Fraction(3, 100), Fraction(1)))) == {"one": 20}
    shifts = silu.model_copy(update={"argument_shifts": (1, 3, 4)})
    assert integers(KINDS["shift_silu"](shifts, channel("gelu", Fraction(3, 100), Fraction(1)))) == {"one": 34}
    sigmoid = silu.model_copy(update={"product": False})
    assert KINDS["shift_silu"](sigmoid, channel("sigmoid", Fraction(1, 9), Fraction(1, 64))).ratio == Fraction(1, 2)


def test_hardswish_by_hand() -> None:
    """3 / 0.4 = 7.5 is 8, 6 / 0.4 = 15; the sixth is in the ratio, or in the shifts."""
    given = channel("hardswish", Fraction(2, 5), Fraction(1, 5))
    found = KINDS["hardswish"](EXAMPLES["hardswish"].unit, given)
    assert integers(found) == {"three": 8, "six": 15}
    assert found.ratio == Fraction(4, 25) / 6 * 5
    rtl = KINDS["hardswish"](RTL_SWISH, channel("hardswish", Fraction(1, 256), Fraction(1, 256), bits=16))
    assert integers(rtl) == {"three": 768, "six": 1536}
    assert rtl.ratio == 1
    gate = Hardswish(kind="hardswish", input_bits_max=8, product=False)
    assert KINDS["hardswish"](gate, channel("hardsigmoid", Fraction(1, 4), Fraction(1, 128))).ratio == Fraction(32, 6)


def test_igelu_by_hand() -> None:
    """s' = 0.05 / 1.4142 = 0.035356: b = floor(-50.03), c = floor(-3.4626 / s'^2) = floor(-2770.04) = one here."""
    unit = IGelu(kind="igelu", input_bits_max=8, erf_shift=0)
    found = KINDS["igelu"](unit, channel("gelu", Fraction(1, 20), Fraction(1, 20)))
    assert integers(found) == {"b": -51, "c": -2771, "one": -2771}
    scale = mpmath.mpf("0.05") / mpmath.mpf("1.4142")
    assert abs(float(found.ratio or 0) - float(mpmath.mpf("0.2888") * scale**2 / 2)) < 1e-12


def test_tflite_hardswish_by_hand() -> None:
    """s_in = s_out: 1/128 = 2^14/2^15 * 2^-6. Gate of 3/128 = s_in: 2^-14 * 32768 / 3 ... = 1/2 * 2^3 / 4 * 2."""
    unit = TfliteHardswish(kind="tflite_hardswish", input_bits_max=8)
    found = KINDS["tflite_hardswish"](unit, channel("hardswish", Fraction(3, 128), Fraction(3, 128)))
    # h / s_out = 1/128 = 1/2 * 2**-6; h * 32768 / 3 = 3/128/128 * 32768/3 = 2 = 1/2 * 2**2
    assert integers(found) == {
        "output_multiplier": 1 << 14,
        "output_shift": 6,
        "gate_multiplier": 1 << 14,
        "gate_exponent": 2,
    }
    assert largest_error_of_codes(unit, channel("hardswish", Fraction(3, 128), Fraction(3, 128))) <= 1


def largest_error_of_codes(unit: Any, given: Channel) -> int:
    """The largest distance from the exact table, in codes."""
    exact = function_table(
        FUNCTIONS[given.function], given.codes_in, float(given.scale_in), given.zero_in, float(given.scale_out),
        given.zero_out, given.codes_out,
    )  # fmt: skip
    codes = np.arange(given.codes_in[0], given.codes_in[1] + 1)
    return int(np.abs(run(unit, given, codes) - exact).max())


def test_tflite_logistic_by_hand() -> None:
    """2^-12 takes 3 and no shift; 2^-10 is 12, doubled 11 times: 24576; the output is within 2 steps of the sigmoid."""
    unit = TfliteLogistic(kind="tflite_logistic", input_bits_max=16)
    out = Fraction(1, 1 << 15)
    assert integers(KINDS[unit.kind](unit, channel("sigmoid", Fraction(1, 1 << 12), out))) == {
        "multiplier": 3,
        "shift": 0,
    }
    given = channel("sigmoid", Fraction(1, 1 << 10), out, bits=16, out=16)
    assert integers(KINDS[unit.kind](unit, given)) == {"multiplier": 24576, "shift": 11}
    codes = np.arange(-32768, 32768, 97)
    exact = 32768 / (1 + np.exp(-codes / 1024.0))
    assert np.abs(run(unit, given, codes) - np.minimum(exact, 32767)).max() < 2


def test_relu_and_clamp_by_hand() -> None:
    """6 at 0.05 is 120 steps; the highest code stands for relu; a zero point below the codes is the lowest code."""
    relu, clamp = EXAMPLES["relu"].unit, Clamp(kind="clamp", input_bits_max=8)
    wide = channel("relu6", Fraction(1, 20), Fraction(1, 10), zero_in=-100)
    assert integers(KINDS["relu"](relu, wide)) == {"upper": 120}
    assert integers(KINDS["relu"](relu, replace(wide, function="relu"))) == {"upper": 227}
    same = channel("relu6", Fraction(1, 20), Fraction(1, 20), zero_in=-100, zero_out=-100)
    assert integers(KINDS["clamp"](clamp, same)) == {"lower": -100, "upper": 20}
    below = replace(same, function="relu", zero_in=-200, zero_out=-200)
    assert integers(KINDS["clamp"](clamp, below)) == {"lower": -128, "upper": 127}


REFUSALS: dict[str, tuple[Any, Channel, str]] = {
    "clamp between scales": (
        Clamp(kind="clamp", input_bits_max=8),
        channel("relu", Fraction(1, 4), Fraction(1, 8)),
        "one scale and zero point",
    ),
    "ITA": (ItaGelu(kind="ita_gelu", input_bits_max=8), channel("gelu", Fraction(1), Fraction(1)), "-gelu"),
    "steep lines": (
        EXAMPLES["piecewise, half_up"].unit,
        channel("silu", Fraction(1), Fraction(1, 1 << 12)),
        "do not fit the unit",
    ),
    "fine TFLite output": (
        TfliteHardswish(kind="tflite_hardswish", input_bits_max=8),
        channel("hardswish", Fraction(1), Fraction(1, 129)),
        "above 1/128",
    ),
    "logistic of another output": (
        TfliteLogistic(kind="tflite_logistic", input_bits_max=16),
        channel("sigmoid", FINE, Fraction(1, 1 << 14)),
        "gives the scale 2",
    ),
    "logistic of a coarse input": (
        TfliteLogistic(kind="tflite_logistic", input_bits_max=16),
        channel("sigmoid", Fraction(3), Fraction(1, 1 << 15)),
        "too coarse",
    ),
}


@pytest.mark.parametrize(("unit", "given", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(unit: Any, given: Channel, words: str) -> None:
    """Scales that a unit cannot take."""
    with pytest.raises(BittrueError, match=words):
        KINDS[unit.kind](unit, given)


SECTIONS: dict[str, dict[str, object]] = {
    "piecewise": {
        "kind": "piecewise", "input_bits_max": 8, "output_bits_max": 8, "segments": 32, "limit": 8, "slope_bits": 12,
        "offset_bits": 24, "shift_max": 24, "rounding": "half_up",
    },
    "interpolated": {
        "kind": "interpolated", "input_bits_max": 8, "output_bits_max": 8, "index_bits": 5, "fraction_bits": 6,
        "rounding": "half_even",
    },
    "shift_silu": {"kind": "shift_silu", "input_bits_max": 8, "fraction_bits": 20, "sigmoid_bits": 8},
    "sigmoid_product": {"kind": "sigmoid_product", "input_bits_max": 8, "sigmoid_bits": 8},
}  # fmt: skip


def lowered(section: Mapping[str, object] | None, options: CalibrationOptions | None = None) -> Program:
    """The small network with a unit for silu, or without one."""
    changes = {} if section is None else {"activation.silu": dict(section)}
    return lower_plan(small_plan(options), datapath(changes), {})


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("kind", sorted(SECTIONS))
def test_whole_programs(kind: str, granularity: str) -> None:
    """Every silu becomes an activation step; simulator and reference agree on it; the input stays a table."""
    options = CalibrationOptions(activation_granularity=granularity)  # type: ignore[arg-type]
    program = lowered(SECTIONS[kind], options)
    names = [step.op.name for step in program.steps]
    assert names.count("activation") == 3
    assert names.count("table") == 1
    image = pictures(1, seed=3)
    found, judged = Simulator(program).run(image), Reference(program).run(image)
    for name, codes in found.tensors.items():
        assert (codes == judged.tensors[name]).all(), name
    exact, first = Simulator(lowered(None, options)).run(image), names.index("activation")
    name = program.steps[first].name
    assert (found.tensors[name] != exact.tensors[name]).any(), "the unit changes nothing"


def test_a_refusal_names_the_step() -> None:
    """Lines too steep for 2-bit slopes."""
    with pytest.raises(BittrueError, match="do not fit the unit") as refusal:
        lowered({**SECTIONS["piecewise"], "slope_bits": 2, "shift_max": 1})
    assert "silu" in refusal.value.where


def test_every_example_lowers() -> None:
    """Each configuration's own check accepts the constants that its lowering makes."""

    def checked(example: Example) -> None:
        low, high = code_range(example.source.bits, example.source.signed)
        centre = 0 if example.source.signed else (low + high + 1) // 2
        scale = Fraction(1, 1 << 8) if example.unit is RTL_SWISH else Fraction(16, high - low)
        given = Channel(
            example.function, scale, centre, (low, high), scale, 0 if example.output.signed else centre,
            code_range(example.output.bits, example.output.signed),
        )  # fmt: skip
        if isinstance(example.unit, TfliteLogistic):
            given = replace(given, scale_out=Fraction(1, 1 << 15))
        if isinstance(example.unit, Clamp):
            given = replace(given, zero_out=given.zero_in)
        arrays = {
            name: values[None] for name, values in KINDS[example.unit.kind](example.unit, given).constants.items()
        }
        formats = {"input_zero_point": np.array([given.zero_in]), "output_zero_point": np.array([given.zero_out])}
        example.unit.check("step", example.source, example.output, {**formats, **arrays})

    for example in EXAMPLES.values():
        if not isinstance(example.unit, ItaGelu):
            checked(example)
