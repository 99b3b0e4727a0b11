"""Datapaths with another softmax or norm unit, and cases of the ops that run on them.

The default datapath with one section replaced: every kind in its source's widths, and some in others.
"""

from __future__ import annotations

import tomllib

import numpy as np
from norm_units import SECTIONS as NORM_SECTIONS
from numpy.random import Generator
from op_cases import layer_norm_case
from op_datapaths import IOT_NPU_FILE
from op_parts import Case, Shape, build, codes, requantizer, tensor, zero_points
from softmax_parameters import logit_rows, softmax_parameters
from softmax_units import SECTIONS as SOFTMAX_SECTIONS

from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import GroupNorm, LayerNorm, MatMul, Softmax, WeightedSum
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.section import Width


def with_section(section: str, fields: dict[str, object], **changes: object) -> Datapath:
    """The default datapath with one section replaced, and some of its fields."""
    document = tomllib.loads(IOT_NPU_FILE.read_text(encoding="utf-8"))
    return Datapath.model_validate({**document, section: {**fields, **changes}})


def _softmax(kind: str, **changes: object) -> Datapath:
    return with_section("softmax", SOFTMAX_SECTIONS[kind], **changes)


def _norm(kind: str, **changes: object) -> Datapath:
    return with_section("norm", NORM_SECTIONS[kind], **changes)


SOFTMAXES = {
    **{kind: _softmax(kind) for kind in SOFTMAX_SECTIONS},
    "gemmlowp int16": _softmax("gemmlowp", output_bits=16),
    "ibert 16 bits": _softmax("ibert", reciprocal_bits=48, output_bits=16, rounding="half_up"),
    "ivit refuse": _softmax("ivit", sum_overflow="refuse", output_bits=16, sum_bits=40),
    "log_int last": _softmax("log_int", past_the_end="last"),
    "log_int 3 bits": _softmax("log_int", code_bits=3, halvings=20),
    "hyq last": _softmax("hyq", past_the_end="last", code_bits=2),
    "ita 16 a group by 2**5": _softmax("ita", octave_shift=5),
    "ita 3 a group": _softmax("ita", group_width=3, exponential_bits=16, sum_bits=32, output_bits=12),
}
"""By kind, and kinds in other widths."""
NORMS = {
    **{kind: _norm(kind) for kind in NORM_SECTIONS},
    **{
        f"{kind} {overflow}": _norm(kind, statistics_overflow=overflow, sum_bits=9, sum_of_squares_bits=15)
        for kind in NORM_SECTIONS
        for overflow in ("wrap", "saturate")
    },
    "exact pre-shift": _norm("exact", pre_shift_max=6, variance_bits=16),
    "rsqrt_table 48 without a step": _norm("rsqrt_table", table_bits=4, estimate_bits=17, operand_bits=12, steps=0),
    "rsqrt_table 12 by three steps": _norm("rsqrt_table", table_bits=2, estimate_bits=30, operand_bits=30, steps=3),
    "ibert half up": _norm("ibert", mean_rounding="half_up", sum_of_squares_bits=33, fraction_bits=20),
    "ivit 3 steps from 2**6": _norm("ivit", start_bits=6, steps=3, mean_rounding="half_away"),
    "fq_vit 4-bit mantissas": _norm("fq_vit", mantissa_bits=4, exponent_max=9, rounding="half_away"),
}
"""By kind, registers that overflow, and kinds in other widths."""
DIVISIONS = {
    "unnormalised": SOFTMAXES["unnormalised"],
    **{
        f"unnormalised {rule}": _softmax(
            "unnormalised", exponential_bits=8, reciprocal_bits=30, fraction_bits=0, rounding=rule
        )
        for rule in ("floor", "half_away", "half_even")
    },
}
"""Datapaths whose matmul and weighted_sum divide by row sums."""


def any_softmax_case(
    rng: Generator, path: Datapath, *, shape: Shape = (1, 2, 3, 6), bits: int = 8, signed: bool = True
) -> Case:
    """softmax on the datapath's unit, whatever its kind; random constants, and corner rows as far as there is room."""
    unit = path.softmax
    assert unit is not None
    logits = tensor("x", shape, bits=bits, signed=signed, zero_point=(int(rng.integers(-500, 500)),))
    constants = softmax_parameters(rng, unit, bits, shape[-1])
    rows = logit_rows(rng, Width(bits, signed), shape[-1])
    chosen = rows[rng.permutation(np.resize(np.arange(len(rows)), logits.size // shape[-1]))]
    call = build(Softmax(), [logits], probabilities("y", path, shape), constants, path)
    return Case(call, (chosen.reshape(shape).astype(logits.dtype),))


def probabilities(name: str, path: Datapath, shape: Shape) -> TensorSpec:
    """What the datapath's softmax unit puts out."""
    assert path.softmax is not None
    form = path.softmax.output(shape[-1])
    return tensor(
        name,
        shape,
        bits=form.bits,
        signed=form.signed,
        zero_point=(form.zero_point,),
        row_sum_max=form.row_sum_max,
    )


def fq_vit_channels_case(rng: Generator, path: Datapath, *, groups: int | None) -> Case:
    """A norm of codes with a zero point a channel: layer_norm, or group_norm of so many groups."""
    shape, axis = ((1, 3, 6), 2) if groups is None else ((1, 6, 2, 2), 1)
    points = zero_points(rng, 8, True, 6)
    source = tensor("x", shape, zero_point=points, axis=axis)
    constants = layer_norm_case(rng, path, channels=6).call.constants
    op = LayerNorm() if groups is None else GroupNorm(groups)
    unit, n = path.norm, 6 if groups is None else 24 // groups
    shift = unit.root_shift(Width(8, True), n, {**constants, "code_zero_point": np.array(points)})
    constants = {**constants, "root_shift": np.array([shift])}
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True))
    return Case(build(op, [source], output, constants, path), (codes(rng, source),))


def divided_matmul_case(rng: Generator, path: Datapath, *, transpose_b: bool, zero_row: bool = False) -> Case:
    """Exponentials [1, 2, 4, 5] times [1, 2, 5, 3], divided by their row sums; `zero_row`: some have the sum 0."""
    b = tensor("b", (1, 2, 3, 5) if transpose_b else (1, 2, 5, 3), zero_point=zero_points(rng, 8, True))
    a = probabilities("a", path, (1, 2, 4, 5))
    return _divided(rng, MatMul(transpose_b, divide_by_row_sum=True), path, [a, b], 0, (1, 2, 4, 3), zero_row)


def divided_weighted_sum_case(rng: Generator, path: Datapath, *, other: Shape = (1, 1, 2, 5)) -> Case:
    """Keys [1, 3, 2, 5] weighted by exponentials of `other`, divided by their row sums."""
    a = tensor("a", (1, 3, 2, 5), zero_point=zero_points(rng, 8, True))
    b = probabilities("b", path, other)
    return _divided(rng, WeightedSum(divide_by_row_sum=True), path, [a, b], 1, (1, 3, 2, 1), False)


def _divided(
    rng: Generator,
    op: MatMul | WeightedSum,
    path: Datapath,
    inputs: list[TensorSpec],
    exponentials: int,
    shape: Shape,
    zero_row: bool,
) -> Case:
    unit, other = path.softmax, inputs[1 - exponentials]
    reach = (other.magnitude_max << unit.fraction_bits) + 1
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True))
    call = build(op, inputs, output, requantizer(rng, path, reach, 8, op=op.name), path)
    operands = [codes(rng, spec) for spec in inputs]
    if zero_row:
        operands[exponentials][..., 0, :] = 0
    return Case(call, tuple(operands))
