"""Activations by an interpolated table: behind products, where they are taken along, and alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bound_steps import runs_as_plain
from op_cases import conv2d_case, linear_case
from op_datapaths import IOT_NPU, datapath
from op_parts import Case, codes, tensor
from wide_cases import followed, interpolated_call, unit, widened

from bittrue.simulator.plan.interpolation_runs import bind_interpolation
from bittrue.simulator.plan.view import View
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.activation import InterpolatedActivation


def product(rng: np.random.Generator, kind: str, path: Datapath = IOT_NPU) -> Case:
    """A convolution, a pointwise or a depthwise one, or a linear layer; 19 output channels are no whole tile."""
    if kind == "linear":
        return linear_case(rng, path, rows=(3, 5), in_features=21, out_features=19)
    if kind == "pointwise":
        one, none = (1, 1), (0, 0)
        return conv2d_case(rng, path, in_channels=6, out_channels=19, kernel=one, stride=one, padding=none)
    groups, channels = (19, 19) if kind == "depthwise" else (1, 6)
    return conv2d_case(rng, path, size=(7, 6), in_channels=channels, out_channels=19, groups=groups)


def is_fused(
    case: Case,
    chosen: InterpolatedActivation,
    rng: np.random.Generator,
    *,
    bits: int = 8,
    signed: bool = True,
    axis: int | None = None,
) -> bool:
    """Whether the product takes the activation along; then, and otherwise, the codes are the plain kernels'."""
    behind = interpolated_call(rng, case.call.output, chosen, bits=bits, signed=signed, axis=axis)
    for keep_all in (True, False):
        found, wanted, plan = followed(case, behind, keep_all=keep_all)
        np.testing.assert_array_equal(found, wanted)
        fused = [bound is None for call, bound in plan.steps if call.step == "behind"]
        assert not (keep_all and fused[0])
    return fused[0]


@pytest.mark.parametrize("kind", ["conv2d", "pointwise", "depthwise", "linear"])
@pytest.mark.parametrize("a_channel", [False, True], ids=["one table", "a table a channel"])
def test_products_take_the_table_along(kind: str, a_channel: bool) -> None:
    """Codes of 9 to 16 bits, signed or not, into bytes, signed or not."""
    for seed, (bits, signed) in enumerate(((16, True), (16, False), (12, True), (9, False))):
        rng = np.random.default_rng(seed)
        case = widened(rng, product(rng, kind), bits, signed=signed)
        axis = (len(case.call.output.shape) - 1 if kind == "linear" else 1) if a_channel else None
        assert is_fused(case, unit(), rng, bits=8 - seed % 3, signed=bool(seed % 2), axis=axis)


@pytest.mark.parametrize("accumulator_bits", [12, 24])
def test_accumulators_that_wrap(accumulator_bits: int) -> None:
    """What a narrow register drops is dropped in front of the table."""
    path = datapath({"mac.accumulator_bits": accumulator_bits, "mac.overflow": "wrap"})
    for kind in ("conv2d", "depthwise", "linear"):
        rng = np.random.default_rng(accumulator_bits)
        assert is_fused(widened(rng, product(rng, kind, path), 16), unit(), rng)


@pytest.mark.parametrize(
    "chosen, fused",
    [
        (unit(index_bits=2), True),
        (unit(index_bits=1), False),  # a factor of 2**15 does not fit 16 signed bits
        (unit(fraction_bits=0), True),
        (unit(fraction_bits=9), False),  # nor do nodes of 17 bits
        (unit(rounding=Rounding.HALF_EVEN), False),
        (unit(index_bits=9, fraction_bits=0, wrap_bits=16), False),
    ],
)
def test_other_units(chosen: InterpolatedActivation, fused: bool) -> None:
    """What no tile holds, or another rule, is a step of its own, with the same codes."""
    rng = np.random.default_rng(3)
    case = widened(rng, product(rng, "conv2d"), 16)
    assert is_fused(case, chosen, rng, bits=8 if chosen.wrap_bits is None else 16) == fused


def test_wide_results_are_a_step_of_their_own() -> None:
    """Into a 16-bit residual stream."""
    rng = np.random.default_rng(4)
    assert not is_fused(widened(rng, product(rng, "conv2d"), 16), unit(), rng, bits=16)


SHAPE = (1, 5, 3, 4)
INNERMOST = View.dense(SHAPE, (0, 2, 3, 1))


def is_bound(
    chosen: InterpolatedActivation,
    *,
    source_bits: int = 16,
    signed: bool = True,
    bits: int = 8,
    axis: int | None = None,
    view: View | None = None,
) -> bool:
    """Whether an activation alone is bound; then its codes are the plain kernel's."""
    rng = np.random.default_rng(5)
    source = tensor("x", SHAPE, bits=source_bits, signed=signed)
    if axis is not None:
        source = replace(source, axis=axis, scale=(1.0,) * SHAPE[axis], zero_point=tuple(range(SHAPE[axis])))
    call = interpolated_call(rng, source, chosen, bits=bits, axis=axis)
    case = Case(call, (codes(rng, source),))
    return runs_as_plain(case, bind_interpolation, views=None if view is None else [view])


@pytest.mark.parametrize("bits", [5, 8, 12, 16])
def test_alone(bits: int) -> None:
    """Bytes and words, packed or with channels innermost, one table or one a channel."""
    for source, signed in ((16, True), (16, False), (9, True)):
        assert is_bound(unit(), bits=bits, source_bits=source, signed=signed)
        assert is_bound(unit(), bits=bits, source_bits=source, signed=signed, axis=1, view=INNERMOST)
        assert is_bound(unit(), bits=bits, source_bits=source, signed=signed, axis=3)


def test_what_is_left_to_the_plain_kernel() -> None:
    """Bytes, other rules, and tables along an axis whose elements do not lie side by side."""
    assert not is_bound(unit(), source_bits=8)
    assert not is_bound(unit(rounding=Rounding.FLOOR))
    assert not is_bound(unit(index_bits=9, fraction_bits=0, wrap_bits=16), bits=16)
    assert not is_bound(unit(), axis=1)
