"""Activation units: kernel and judge give the same integers in every stage, for every code and any configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from activation_strategies import STRATEGIES, rows
from activation_units import EXAMPLES, RTL_SWISH, Arrays, Example, every_array, some_codes
from hypothesis import assume, given, settings
from shared_data import SHARED, need
from unit_agreement import same_stages

from bittrue.golden.units.activation import KINDS as JUDGES
from bittrue.golden.units.activation.tflite_logistic import entries
from bittrue.simulator.units.activation import KINDS as KERNELS
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation import (
    InterpolatedActivation,
    ItaGelu,
    PiecewiseActivation,
    ShiftSilu,
    TfliteHardswish,
    TfliteLogistic,
)
from bittrue.spec.units.activation.tflite_logistic import logistic_table
from bittrue.spec.units.section import Width

EVERY_S8 = np.arange(-128, 128)
EVERY_S16 = np.arange(-(1 << 15), 1 << 15)
S8, S16 = Width(8, True), Width(16, True)
ANY = settings(max_examples=40, deadline=None)


def agree(unit: Any, source: Width, output: Width, arrays: Arrays) -> Arrays:
    """Check the arrays against the contract, then compare the two statements."""
    arrays = {name: np.asarray(values) for name, values in arrays.items()}
    unit.check("unit", source, output, {name: np.atleast_1d(values) for name, values in arrays.items()})
    return same_stages(unit, KERNELS[unit.kind], JUDGES[unit.kind], arrays, (*unit.stages, "output"))


def test_both_rooms_state_every_kind() -> None:
    """The registries name the same kinds, and the examples have each of them."""
    assert set(JUDGES) == set(KERNELS) == {example.unit.kind for example in EXAMPLES.values()}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_every_code(example: Example) -> None:
    """All codes of up to 16 bits, under several formats and constants."""
    for seed in range(2 if example.source.bits > 8 else 16):
        rng = np.random.default_rng(seed)
        codes = rows(example.unit, some_codes(rng, example, 1 << 16))
        agree(example.unit, example.source, example.output, every_array(rng, example, codes))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 5), (1, 4, 1)], ids=str)
def test_shapes(shape: tuple[int, ...]) -> None:
    """Codes of any rank; every stage has their shape."""
    for example in EXAMPLES.values():
        if example.unit.elementwise or shape:
            rng = np.random.default_rng(3)
            codes = rng.choice(some_codes(rng, example), shape)
            arrays = every_array(rng, example, np.asarray(codes))
            found = agree(example.unit, example.source, example.output, arrays)
            assert all(values.shape == shape for values in found.values()), example


@pytest.mark.parametrize("name", ["clamp", "relu", "hardswish", "tflite_hardswish", "tflite_logistic", "igelu",
                                  "ita_gelu", "shift_silu"])  # fmt: skip
@pytest.mark.parametrize("shape", [(5,), (3, 5)], ids=["a column", "an element"])
def test_a_constant_for_each(name: str, shape: tuple[int, ...]) -> None:
    """Constants that differ between columns, or between all elements."""
    example = EXAMPLES[name]
    rng = np.random.default_rng(11)
    codes = rng.choice(some_codes(rng, example), (3, 5))
    parts = [every_array(np.random.default_rng(seed), example, codes) for seed in range(int(np.prod(shape)))]
    arrays = {
        key: codes if key == "codes" else np.array([part[key].item() for part in parts]).reshape(shape)
        for key in parts[0]
    }
    assert any(np.unique(values).size > 1 for key, values in arrays.items() if key != "codes")
    agree(example.unit, example.source, example.output, arrays)


@pytest.mark.parametrize("kind", sorted(JUDGES))
def test_any_configuration(kind: str) -> None:
    """Whatever section and constants the contract admits, to the ends of their ranges."""

    @ANY
    @given(STRATEGIES[kind])
    def holds(drawn: tuple[Example, Arrays]) -> None:
        example, arrays = drawn
        try:
            agree(example.unit, example.source, example.output, arrays)
        except IllFormed:
            assume(False)

    holds()


# ---- corners ----


def test_hardswish_of_the_rtl_wraps() -> None:
    """Codes near 32767: x + 768 leaves 16 bits, so that the gate closes."""
    arrays = {"codes": EVERY_S16, "input_zero_point": 0, "three": 768, "six": 1536}
    found = agree(RTL_SWISH, S16, S16, {name: np.asarray(values) for name, values in arrays.items()})
    assert (found["gate"][EVERY_S16 > 32767 - 768] == 0).all()
    assert found["gate"].max() == 1536


def test_tflite_hardswish_at_every_shift() -> None:
    """Every exponent of the gate and every output shift, for every code, zero points at both ends."""
    unit = TfliteHardswish(kind="tflite_hardswish", input_bits_max=8)
    exponents, shifts = np.arange(-15, 16).reshape(-1, 1, 1), np.arange(16).reshape(-1, 1)
    for zero, multiplier in ((-128, 32767), (127, 16384), (0, 1), (5, 0)):
        arrays = {
            "codes": np.broadcast_to(EVERY_S8, (31, 16, 256)), "input_zero_point": np.array(zero),
            "output_zero_point": np.array(zero), "low": np.array(-128), "high": np.array(127),
            "output_multiplier": np.array(multiplier), "output_shift": shifts,
            "gate_multiplier": np.array(32767 - multiplier // 2), "gate_exponent": exponents,
        }  # fmt: skip
        agree(unit, S8, S8, arrays)


def test_tflite_logistic_at_every_shift() -> None:
    """Every code through multipliers 3, 32767 and 16385 and every shift; the table's last entry is reached."""
    unit = TfliteLogistic(kind="tflite_logistic", input_bits_max=16)
    zero = np.array(0)
    for multiplier in (3, 16385, 32767):
        codes = EVERY_S16[:: 1 if multiplier == 3 else 37]
        arrays = {"codes": codes, "input_zero_point": zero, "output_zero_point": zero, "shift": zero}
        found = agree(unit, S16, S16, {**arrays, "multiplier": np.array(multiplier)})
        assert found["index"].max() == (192 if multiplier == 3 else 255)
        every = {"codes": np.broadcast_to(codes[::7], (32, codes[::7].size)), "shift": np.arange(32).reshape(-1, 1)}
        agree(unit, S16, S16, {**arrays, **every, "multiplier": np.array(multiplier)})


def test_the_logistic_table() -> None:
    """The judge makes the table by another series than the contract."""
    assert entries() == tuple(logistic_table().tolist())


def test_interpolated_slopes_wrap() -> None:
    """Entries that alternate between the ends: a slope of 65535 is -1 in 16 bits, for every code."""
    unit = InterpolatedActivation(
        kind="interpolated", input_bits_max=16, output_bits_max=16, index_bits=9, wrap_bits=16,
        rounding=Rounding.HALF_UP,
    )  # fmt: skip
    table = np.where(np.arange(513) % 2, 32767, -32768)
    arrays = {"codes": EVERY_S16, "input_low": np.array(-32768), "input_bits": np.array(16), "table": table}
    found = agree(unit, S16, S16, arrays)
    assert set(np.unique(found["slope"])) == {-1, 1}


@pytest.mark.parametrize("rounding", Rounding)
def test_lines_at_ties(rounding: Rounding) -> None:
    """Every code times 1 with shifts of 1 and 2: halves of both signs; breakpoints that are equal or never met."""
    unit = replace_rounding(EXAMPLES["piecewise, one segment"].unit, rounding, segments=4)
    formats = {"input_zero_point": 0, "output_zero_point": 0, "low": -128, "high": 127}
    for shift in (1, 2, 24):
        arrays = {
            "breakpoints": np.array([-200, -5, -5, 3, 200]), "slope": np.array([7, 1, 3, -1, 1, 9]),
            "offset": np.array([1, 0, 1, 3, 0, 5]), "shift": np.array(shift),
        }  # fmt: skip
        found = agree(unit, S8, S8, {"codes": EVERY_S8, **{k: np.array(v) for k, v in formats.items()}, **arrays})
        assert set(np.unique(found["segment"])) == {1, 3, 4}


def replace_rounding(unit: PiecewiseActivation, rounding: Rounding, *, segments: int) -> PiecewiseActivation:
    """Another rounding and number of segments."""
    return unit.model_copy(update={"rounding": rounding, "segments": segments})


@pytest.mark.parametrize("maximum", ["element", "row"])
@pytest.mark.parametrize("fraction_bits", [1, 6, 23, 30])
def test_shift_silu_at_every_scale(maximum: str, fraction_bits: int) -> None:
    """`one` from 1 to the most that the exponential holds; rows of one sign and of both, for every code."""
    unit = ShiftSilu(kind="shift_silu", input_bits_max=8, fraction_bits=fraction_bits, sigmoid_bits=16, maximum=maximum)
    top = (2**31 - 1) >> fraction_bits
    refused = 0
    for one in sorted({min(one, top) for one in (1, 2, 3, 41, 255, top)}):
        for codes in (EVERY_S8.reshape(16, 16), EVERY_S8.reshape(16, 16).T.copy(), EVERY_S8.reshape(1, -1)):
            arrays = {"codes": codes, "input_zero_point": np.array(0), "one": np.array(one)}
            try:
                found = agree(unit, S8, S8, arrays)
            except IllFormed:
                refused += 1
                continue
            assert found["sigmoid"].max() < 1 << 15
    assert refused == 0 or maximum == "row"


@pytest.mark.parametrize("b", [-32767, -129, -128, -127, -1, 0])
def test_ita_gelu_at_the_ends_of_its_constants(b: int) -> None:
    """int16 constants at their ends: (clipped + b)**2 and q * (erf + c) leave 26 bits, for every code."""
    unit = ItaGelu(kind="ita_gelu", input_bits_max=8)
    c = np.array([-32768, -32767, -1, 0]).reshape(-1, 1)
    arrays = {"codes": np.broadcast_to(EVERY_S8, (4, 256)), "input_zero_point": np.array(0), "b": np.array(b), "c": c}
    found = agree(unit, S8, S8, arrays)
    assert abs(found["output"]).max() < 1 << 25


def test_outputs_of_ita() -> None:
    """pulp-platform's ITA, ita_gelu.sv: the judge gives the 6,816 outputs of the RTL, and so does the kernel."""
    held = np.load(need(SHARED / "vectors" / "ita_gelu.npz"), allow_pickle=False)
    arrays = {name: held[key].astype(np.int64) for name, key in (("codes", "x"), ("b", "b"), ("c", "c"))}
    unit = ItaGelu(kind="ita_gelu", input_bits_max=8)
    judged = JUDGES["ita_gelu"](unit, {name: torch.from_numpy(values) for name, values in arrays.items()})
    assert judged["output"].shape == (6816,)
    assert int((judged["output"] != torch.from_numpy(held["out"].astype(np.int64))).sum()) == 0
    found = agree(unit, S8, S8, {**arrays, "input_zero_point": np.array(0)})
    assert int((found["output"] != held["out"]).sum()) == 0
