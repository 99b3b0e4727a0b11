"""What is proved of accumulators that saturate, and the innermost sums, against Python integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_cases import linear_case
from op_datapaths import datapath

from bittrue.simulator.plan import saturating_tile as tile
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.saturating import runs_of
from bittrue.simulator.plan.saturating_proof import register_of
from bittrue.spec.op import AccumulatorBound, Call


def stepwise(words: np.ndarray, weight: np.ndarray, start: int, low: int, high: int) -> list[list[int]]:
    """Sums of words [8, K] by weights [K, 16] that saturate after every product, on Python integers."""
    found = []
    for row in words.tolist():
        sums = [start] * 16
        for word, weights in zip(row, weight.tolist(), strict=True):
            sums = [max(low, min(total + word * w, high)) for total, w in zip(sums, weights, strict=True)]
        found.append(sums)
    return found


STATEMENTS: list[Any] = [pytest.param(tile._ordered_portable, False, id="portable")]
if tile.ordered_tile is not tile._ordered_portable:
    STATEMENTS.append(pytest.param(tile._ordered_vector, False, id="vector"))
if has_vnni():
    STATEMENTS.append(pytest.param(tile._ordered_scaled, True, id="scaled"))


@pytest.mark.parametrize(("statement", "scaled"), STATEMENTS)
@pytest.mark.parametrize("bits", [16, 17, 20, 23, 30])
@pytest.mark.parametrize("depth", [1, 2, 75])
def test_tiles_saturate_after_every_product(
    statement: Callable[..., None], scaled: bool, bits: int, depth: int
) -> None:
    """Sums are those of Python integers, from every start, for factors at their ends and between."""
    rng = np.random.default_rng(bits)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    ends = np.array([-128, -128, 127, 127, -1, 1])
    words = np.where(rng.random((8, depth)) < 0.7, rng.choice(ends, (8, depth)), rng.integers(-128, 128, (8, depth)))
    weight = np.where(
        rng.random((depth, 16)) < 0.7, rng.choice(ends, (depth, 16)), rng.integers(-128, 128, (depth, 16))
    )
    words[:2], weight[:, :4] = rng.choice([-128, 127], (2, 1)), rng.choice([-128, 127], 4)  # these run into the ends
    shift = 32 - bits if scaled else 0
    weight_lift = min(8, shift)
    packed = (weight << weight_lift) & 0xFFFF if scaled else weight
    lifted = words << (shift - weight_lift)
    for start in (low, low + 1, -1, 0, high):
        sums = np.zeros(128, np.int32)
        flat = [array.astype(np.int32).reshape(-1) for array in (lifted, packed)]
        starts = np.full(32, start, np.int32)
        statement(flat[0], depth, np.concatenate([flat[1][:16] * 0, flat[1]]), 16, starts, 16, shift, low, high, sums)
        assert sums.reshape(8, 16).tolist() == stepwise(words, weight, start, low, high)


def saturating_call(bits: int) -> Call:
    """A step whose bound is wider than its register."""
    case = linear_case(np.random.default_rng(0), datapath({"mac.accumulator_bits": bits, "mac.overflow": "saturate"}))
    return replace(case.call, bound=AccumulatorBound(0, 1 << 40))


@pytest.mark.parametrize(
    ("bits", "codes_seen", "weights", "shift"),
    [
        (16, (-128, 127), (-128, 127), 16),
        (15, (-128, 127), (-128, 127), 0),
        (16, (-128, 128), (-128, 127), 0),
        (17, (-128, 128), (-128, 127), 15),
        (17, (0, 255), (-128, 127), 15),
        (16, (0, 255), (-128, 127), 0),
        (16, (0, 255), (-64, 63), 16),
        (24, (0, 65535), (-128, 127), 0),
        (13, (-16, 15), (-128, 127), 19),
    ],
)
def test_words_are_scaled_where_both_factors_stay_16_bits(
    bits: int, codes_seen: tuple[int, int], weights: tuple[int, int], shift: int
) -> None:
    """Scaled factors just fit 16 bits, or sums are not scaled."""
    call = saturating_call(bits)
    register = register_of(call, codes_seen, weights)
    assert register is not None
    assert register.shift == (shift if has_vnni() else 0) == register.code_lift + register.weight_lift
    if register.shift:
        for ends, lift in ((codes_seen, register.code_lift), (weights, register.weight_lift)):
            assert all(-(1 << 15) <= end << lift < 1 << 15 for end in ends)


@pytest.mark.parametrize("bits", [16, 24, 30])
def test_products_that_leave_int32_are_refused(bits: int) -> None:
    """A held sum and one product fit int32 together, else nothing is bound."""
    most = ((1 << 31) - (1 << (bits - 1)) - 1) >> 7
    assert register_of(saturating_call(bits), (0, most), (-128, 127)) is not None
    assert register_of(saturating_call(bits), (0, most + 1), (-128, 127)) is None


@pytest.mark.parametrize(("bits", "taken"), [(30, True), (31, False), (40, False)])
def test_registers_past_30_bits_are_refused(bits: int, taken: bool) -> None:
    """A bias that is added last finds no room in int32 there."""
    assert (register_of(saturating_call(bits), (-128, 127), (-128, 127)) is not None) == taken


@pytest.mark.parametrize(
    ("taps", "starts", "length"),
    [
        ([3, 4, 5, 6], [3], 4),
        ([0, 1, 2, 10, 11, 12], [0, 10], 3),
        ([0, 1, 2, 10, 11], [0, 1, 2, 10, 11], 1),
        ([0, 1, 5, 6, 7, 8], [0, 5, 7], 2),
        ([4, 2, 0], [4, 2, 0], 1),
        ([7], [7], 1),
    ],
)
def test_taps_in_runs(taps: Sequence[int], starts: Sequence[int], length: int) -> None:
    """The longest runs of one length that follow each other."""
    found, run_length = runs_of(np.array(taps, np.int64))
    assert (found.tolist(), run_length) == (list(starts), length)
