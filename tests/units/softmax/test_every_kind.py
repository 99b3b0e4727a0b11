"""What holds for every softmax unit: kernel equals plain integers, the special rows, refusals, the op around it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_datapaths import datapath
from op_parts import build, tensor
from softmax_units import SECTIONS, agree, constants_for, unit_of_kind

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.units.softmax import KINDS
from bittrue.spec.errors import BittrueError, IllFormed, Unsupported
from bittrue.spec.op import VectorOp
from bittrue.spec.ops import Softmax
from bittrue.spec.units.section import Width

SCALE = Fraction(1, 16)
LOGITS = np.random.default_rng(3).integers(-128, 128, (4, 40))
ROUNDINGS = st.sampled_from(["half_up", "half_away", "half_even", "floor", "toward_zero"])
CHANGES: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "table": st.fixed_dictionaries(
        {
            "logit_bits_max": st.just(12),
            "exponential_bits": st.integers(4, 16),
            "probability_bits": st.integers(4, 15),
            "reciprocal_bits": st.integers(16, 62),
            "rounding": ROUNDINGS,
        }
    ),
    "unnormalised": st.fixed_dictionaries({"logit_bits_max": st.just(12), "exponential_bits": st.integers(4, 16)}),
    "gemmlowp": st.fixed_dictionaries({"logit_bits_max": st.just(16), "output_bits": st.sampled_from([8, 16])}),
    "ibert": st.fixed_dictionaries(
        {
            "logit_bits_max": st.just(16),
            "halvings": st.integers(1, 40),
            "multiplier_bits": st.integers(16, 24),
            "exponential_bits": st.integers(4, 16),
            "reciprocal_bits": st.integers(24, 46),
            "output_bits": st.integers(4, 16),
            "rounding": ROUNDINGS,
        }
    ),
    "ivit": st.fixed_dictionaries(
        {
            "logit_bits_max": st.just(16),
            "halvings": st.integers(1, 20),
            "sum_bits": st.integers(34, 46),
            "sum_overflow": st.sampled_from(["saturate", "refuse"]),
            "output_bits": st.integers(4, 16),
        }
    ),
    "log_int": st.fixed_dictionaries(
        {
            "logit_bits_max": st.just(16),
            "halvings": st.integers(1, 30),
            "code_bits": st.integers(2, 4),
            "past_the_end": st.sampled_from(["zero", "last"]),
        }
    ),
    "ita": st.fixed_dictionaries(
        {
            "logit_bits_max": st.just(16),
            "group_width": st.integers(1, 24),
            "octave_shift": st.integers(0, 8),
            "exponential_bits": st.integers(10, 24),
            "sum_bits": st.just(40),
            "output_bits": st.integers(4, 10),
        }
    ),
}
CHANGES["hyq"] = CHANGES["log_int"]
KIND = pytest.mark.parametrize("kind", SECTIONS)


@KIND
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_widths_and_logits(kind: str, data: st.DataObject) -> None:
    """Every stage equals the statement on Python integers, for any configuration, scale and row."""
    unit = unit_of_kind(kind, **data.draw(CHANGES[kind]))
    bits = data.draw(st.integers(2, unit.logit_bits_max))  # type: ignore[attr-defined]
    scale = data.draw(st.fractions(Fraction(1, 400), Fraction(1, 2)))
    n, rows = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    half = 1 << (bits - 1)
    spread = data.draw(st.sampled_from([1, 4, 32, 2 * half]))
    logits = np.clip(rng.integers(-spread, spread, (rows, n), endpoint=True), -half, half - 1)
    agree(unit, logits, constants_for(unit, bits, scale), bits=bits)


@KIND
def test_a_long_row_of_equal_logits(kind: str) -> None:
    """The longest row the source holds, 4096 where it can: all codes are equal, none is lost to overflow."""
    unit = unit_of_kind(kind)
    n = min(unit.row_max, 4096)
    constants = constants_for(unit, 8, SCALE)
    for code in (-128, 0, 127):
        found = agree(unit, np.full((1, n), code), constants)
        assert np.unique(found["output"]).size == 1
    wanted = {
        "table": 16,
        "unnormalised": 65535,
        "gemmlowp": -128,
        "ibert": 0,
        "ivit": 0,
        "log_int": 8,
        "ita": 0,
        "hyq": 8,
    }
    assert found["output"][0, 0] == wanted[kind]


ONE_HOT = {
    "table": (65535, 0), "unnormalised": (65535, 0),
    "gemmlowp": (127, -128), "ibert": (255, 0), "ivit": (127, 0), "log_int": (32768, 0),
    "ita": (255, 0), "hyq": (32768, 0),
}  # fmt: skip


@KIND
def test_one_hot_rows(kind: str) -> None:
    """One logit far above takes the whole scale wherever it stands; the others get the code of 0."""
    unit = unit_of_kind(kind)
    here = np.eye(33, dtype=bool)
    found = agree(unit, np.where(here, 127, -128), constants_for(unit, 8, Fraction(1, 4)))
    assert (found["output"] == np.where(here, *ONE_HOT[kind])).all()


@KIND
def test_all_minimum_and_single_logits(kind: str) -> None:
    """A row of the lowest code gives what any row of equal logits gives; a row of one gives the whole scale."""
    unit = unit_of_kind(kind)
    constants = constants_for(unit, 8, SCALE)
    lowest = agree(unit, np.full((2, 5), -128), constants)["output"]
    assert (lowest == agree(unit, np.full((2, 5), 17), constants)["output"]).all()
    assert agree(unit, np.array([[-128], [5]]), constants)["output"].tolist() == [[ONE_HOT[kind][0]]] * 2


@KIND
def test_a_constant_added_to_a_row_cancels(kind: str) -> None:
    """So does a zero point: only distances from the maximum count."""
    unit = unit_of_kind(kind)
    constants = constants_for(unit, 8, SCALE)
    logits = LOGITS // 2
    shifted = agree(unit, logits + 60, constants)["output"]
    assert (agree(unit, logits, constants)["output"] == shifted).all()


@KIND
def test_probabilities_follow_the_real_softmax(kind: str) -> None:
    """At a scale of 1/64 the codes are near the real probabilities: a sanity bound, the error tables say more."""
    unit = unit_of_kind(kind)
    scale = unit.logits_scale or Fraction(1, 64)
    found = agree(unit, LOGITS, constants_for(unit, 8, scale))
    form = unit.output(LOGITS.shape[1])
    real = np.exp(float(scale) * (LOGITS - LOGITS.max(axis=1, keepdims=True)))
    if unit.normalised:
        real /= real.sum(axis=1, keepdims=True)
    error = np.abs((found["output"] - form.zero_point) * float(form.scale) - real).max()
    assert error < {
        "table": 2e-5,
        "unnormalised": 2e-5,
        "gemmlowp": 0.0025,
        "ita": 0.005,
        "log_int": 0.05,
        "hyq": 0.05,
    }.get(kind, 0.02)


@pytest.mark.parametrize("kind", [kind for kind in SECTIONS if kind not in ("table", "unnormalised", "ita")])
def test_parameters_a_row(kind: str) -> None:
    """[rows, 1] parameters give each row what it gets alone."""
    unit = unit_of_kind(kind)
    scales = (Fraction(1, 50), Fraction(1, 16), Fraction(1, 9), Fraction(1, 4))
    alone = [constants_for(unit, 8, scale) for scale in scales]
    together = {name: np.stack([constants[name] for constants in alone]) for name in alone[0]}
    found = agree(unit, LOGITS, together)
    for index, constants in enumerate(alone):
        row = KINDS[kind](unit, {"logits": LOGITS[index : index + 1], **constants})
        assert (row["output"][0] == found["output"][index]).all()


@KIND
def test_long_rows_and_wide_logits_are_refused(kind: str) -> None:
    """One logit more than row_max, one bit more than logit_bits_max."""
    unit: Any = unit_of_kind(kind, row_max=100)
    constants = constants_for(unit, 8, SCALE)
    unit.check("here", Width(8, True), 100, constants)
    with pytest.raises(IllFormed, match="longer than the unit holds"):
        unit.check("here", Width(8, True), 101, constants)
    with pytest.raises(IllFormed, match="too wide for the unit"):
        unit.check("here", Width(unit.logit_bits_max + 1, True), 100, constants)


@pytest.mark.parametrize("kind", [kind for kind in SECTIONS if kind not in ("table", "unnormalised", "ita")])
def test_parameters_outside_their_registers_are_refused(kind: str) -> None:
    """Each parameter: far too large, negative, and of a shape that is neither one value nor one a row."""
    unit = unit_of_kind(kind)
    good = constants_for(unit, 8, SCALE)
    for name in good:
        for value in (1 << 62, -(1 << 40)):
            with pytest.raises(IllFormed, match=f"'{name}' is outside"):
                unit.check("here", Width(8, True), 10, {**good, name: np.array([value])})
        with pytest.raises(IllFormed, match=f"'{name}' has the wrong shape"):
            unit.check("here", Width(8, True), 10, {**good, name: np.resize(good[name], (2, 3))})


@KIND
def test_ports_stages_and_widths_are_declared(kind: str) -> None:
    """Parameters are what lowering makes; every stated width is a stage's or a parameter's; work names vector ops."""
    unit = unit_of_kind(kind)
    names = [port.name for port in unit.parameters]
    assert [port.name for port in unit.ports] == ["logits", *names]
    assert list(constants_for(unit, 8, SCALE)) == names == list(unit.parameter_widths)
    assert set(unit.row_stages) <= set(unit.stages) >= set(unit.stage_widths(Width(8, True), 9))
    assert set(unit.work(90, 9)) <= set(VectorOp.__args__)  # type: ignore[attr-defined]


@KIND
def test_lowered_constants_fit_their_widths(kind: str) -> None:
    """For fine and coarse scales alike."""
    unit = unit_of_kind(kind)
    for scale in (Fraction(1, 1000), Fraction(1, 17), Fraction(1, 3), Fraction(9, 8)):
        for name, array in constants_for(unit, 8, scale).items():
            width = unit.parameter_widths[name]
            bits = width.bits - 1 if width.signed else width.bits
            assert (-1 << bits) * width.signed <= int(array.min()) and int(array.max()) < 1 << bits


@KIND
def test_a_step_is_the_unit_on_the_last_axis(kind: str) -> None:
    """The op's kernel reshapes, runs the unit and gives stages [..., N] or [..., 1]; other formats are refused."""
    unit = unit_of_kind(kind)
    path = datapath({"softmax": SECTIONS[kind]})
    shape = (1, 2, 3, 40)
    form = unit.output(40)
    logits = tensor("x", shape)
    output = tensor(
        "y", shape, bits=form.bits, signed=form.signed, zero_point=[form.zero_point], row_sum_max=form.row_sum_max
    )
    constants = constants_for(unit, 8, SCALE)
    call = build(Softmax(), [logits], output, constants, path)
    codes = np.random.default_rng(5).integers(-128, 128, shape).astype(np.int8)
    stages: dict[str, np.ndarray] = {}
    found = KERNELS["softmax"](call, [codes], stages)
    alone = KINDS[kind](unit, {"logits": codes.reshape(-1, 40), **constants})
    assert found.dtype == output.dtype and (found.reshape(-1, 40) == alone["output"]).all()
    assert list(stages) == list(Softmax().stages_on(path)) == list(unit.stages)
    for name, stage in stages.items():
        assert stage.shape == ((1, 2, 3, 1) if name in unit.row_stages else shape)
    assert list(call.op.roles_on(path)) == list(constants)
    for other in (tensor("y", shape, bits=5), tensor("y", shape, bits=form.bits, signed=form.signed)):
        with pytest.raises(IllFormed, match="fixed format"):
            build(Softmax(), [logits], other, constants, path)


@pytest.mark.parametrize("kind", [kind for kind in SECTIONS if kind not in ("table", "unnormalised", "ita")])
def test_a_step_brings_one_value(kind: str) -> None:
    """Parameters a row are for the unit alone."""
    unit = unit_of_kind(kind)
    form = unit.output(4)
    output = tensor(
        "y", (2, 4), bits=form.bits, signed=form.signed, zero_point=[form.zero_point], row_sum_max=form.row_sum_max
    )
    constants = {name: np.stack([array, array]) for name, array in constants_for(unit, 8, SCALE).items()}
    with pytest.raises(IllFormed, match="wrong shape"):
        build(Softmax(), [tensor("x", (2, 4))], output, constants, datapath({"softmax": SECTIONS[kind]}))


def test_a_datapath_without_a_softmax_unit_refuses_the_step() -> None:
    """The refusal names the unit."""
    path = datapath().model_copy(update={"softmax": None})
    with pytest.raises(Unsupported, match="no softmax unit"):
        Softmax().stages_on(path)


@pytest.mark.parametrize("kind", ["ibert", "log_int", "hyq", "gemmlowp"])
def test_scales_without_constants_are_refused_at_lowering(kind: str) -> None:
    """Logits so coarse that a coefficient is 0, or too fine for Q5.26."""
    scale = Fraction(1, 1 << 26) if kind == "gemmlowp" else Fraction(4)
    with pytest.raises(BittrueError, match="scale of the logits"):
        constants_for(unit_of_kind(kind), 8, scale)


def test_ln2_is_ln2() -> None:
    """The scale that ITA's logits have."""
    assert float(unit_of_kind("ita").logits_scale or 0) == math.log(2)
