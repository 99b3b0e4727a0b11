"""softmax on every kind of unit, and the ops that divide for one: kernel and judge of the op agree."""

from __future__ import annotations

import numpy as np
import pytest
from op_agreement import agree, extremes
from op_kinds import DIVISIONS, SOFTMAXES, any_softmax_case, divided_matmul_case, divided_weighted_sum_case
from softmax_units import SECTIONS

from bittrue.spec.datapath import Datapath

SHAPES = [(1,), (5,), (1, 1), (2, 3, 1), (1, 1, 50), (2, 1, 2, 17), (1, 2, 40, 6)]


def test_every_kind_has_a_datapath() -> None:
    """No kind escapes the tests of this file."""
    assert {path.softmax.kind for path in SOFTMAXES.values()} == set(SECTIONS)


@pytest.mark.parametrize("path", SOFTMAXES.values(), ids=SOFTMAXES)
def test_softmax(path: Datapath) -> None:
    """Any number of leading axes, signed and unsigned logits of any width, corner rows and random constants."""
    for seed, shape in enumerate(SHAPES * 2):
        for bits in (2, 5, 8):
            agree(any_softmax_case(np.random.default_rng(seed), path, shape=shape, bits=bits, signed=seed % 2 == 0))


@pytest.mark.parametrize("path", SOFTMAXES.values(), ids=SOFTMAXES)
def test_softmax_extremes(path: Datapath) -> None:
    """Every logit at one end, and random mixtures of both."""
    rng = np.random.default_rng(20)
    for case in extremes(any_softmax_case(rng, path, shape=(3, 33)), rng):
        agree(case)


@pytest.mark.parametrize("path", DIVISIONS.values(), ids=DIVISIONS)
def test_a_division_by_row_sums(path: Datapath) -> None:
    """matmul and weighted_sum on exponentials: accumulator, row sum, reciprocal, quotient and output."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found = agree(divided_matmul_case(rng, path, transpose_b=bool(seed % 2), zero_row=seed > 3))
        assert found.stages["row_sum"].shape == found.stages["reciprocal"].shape == (1, 2, 4, 1)
        assert (found.stages["row_sum"] == 0).any() == (seed > 3)
        agree(divided_weighted_sum_case(rng, path, other=(1, 1, 2, 5) if seed % 2 else (1, 3, 2, 5)))
        for case in extremes(divided_matmul_case(rng, path, transpose_b=False), rng):
            agree(case)
