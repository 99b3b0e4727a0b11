"""Outputs of real third-party RTL, simulated elsewhere: the arithmetic is not only equal to itself.

CFU-Playground mnv2_first's post-processing block (gateware of proj/mnv2_first, commit 7f8ec414): 20,000
random (accumulator, bias, multiplier, shift, offset) through gemmlowp's two roundings. Its shift counts
from 31: positive is to the left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from shared_data import SHARED, need

from bittrue.golden.requantizer import scaled
from bittrue.simulator.fixed import ROUNDING_CODES, requantize_twice
from bittrue.spec.arithmetic import Rounding, requantize, wrap
from bittrue.spec.op import Call


class Vectors(NamedTuple):
    """The block's inputs in bittrue's terms, and what the RTL said."""

    accumulator: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    offset: NDArray[np.int64]
    low: int
    high: int
    out: NDArray[np.int64]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    held = np.load(need(SHARED / "vectors" / "cfu_mnv2_postprocess.npz"), allow_pickle=False)
    arrays = {name: held[name].astype(np.int64) for name in ("acc", "bias", "multiplier", "shift", "offset", "out")}
    return Vectors(
        wrap(arrays["acc"] + arrays["bias"], 32),
        arrays["multiplier"],
        31 - arrays["shift"],
        arrays["offset"],
        int(held["act_min"]),
        int(held["act_max"]),
        arrays["out"],
    )


def test_the_vectors_exercise_both_stages(vectors: Vectors) -> None:
    """Shifts below, at and above 31, and results that one rounding alone would get wrong."""
    assert len(vectors.out) == 20_000
    assert {(vectors.shift < 31).any(), (vectors.shift == 31).any(), (vectors.shift > 31).any()} == {True}
    once = [
        requantize(a, m, s, o, vectors.low, vectors.high)
        for a, m, s, o in zip(*(values.tolist() for values in vectors[:4]), strict=True)
    ]
    assert (np.array(once) != vectors.out).any()


def test_the_contract_says_what_the_rtl_says(vectors: Vectors) -> None:
    """Every one of the 20,000 outputs, on Python integers."""
    rule = (Rounding.HALF_UP, Rounding.HALF_AWAY, 31)
    for a, m, s, o, out in zip(*(values.tolist() for values in (*vectors[:4], vectors.out)), strict=True):
        assert requantize(a, m, s, o, vectors.low, vectors.high, *rule) == out


def test_the_kernel_says_what_the_rtl_says(vectors: Vectors) -> None:
    """The same through the simulator's requantizer."""
    up, away = ROUNDING_CODES[Rounding.HALF_UP], ROUNDING_CODES[Rounding.HALF_AWAY]
    found = [
        requantize_twice(a, m, s, o, vectors.low, vectors.high, up, away, 31)
        for a, m, s, o in zip(*vectors[:4], strict=True)
    ]
    np.testing.assert_array_equal(np.array(found), vectors.out)


def test_the_judge_says_what_the_rtl_says(vectors: Vectors, gemmlowp_call: Call) -> None:
    """The same through the reference's requantizer."""
    accumulator, multiplier, shift, offset = (torch.from_numpy(values) for values in vectors[:4])
    found = (scaled(gemmlowp_call, accumulator, multiplier, shift) + offset).clamp(vectors.low, vectors.high)
    assert torch.equal(found, torch.from_numpy(vectors.out))


@pytest.fixture
def gemmlowp_call() -> Call:
    """Any step on a datapath that rounds twice."""
    from op_cases import mean_case
    from op_datapaths import ROUNDINGS

    return mean_case(np.random.default_rng(0), ROUNDINGS["gemmlowp"]).call
