"""Cycles of the systolic array."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittrue.simulator.cost.array import array_cycles, folds
from bittrue.simulator.cost.sizes import Operands
from bittrue.spec.machine import Array, Machine
from bittrue.spec.op import Gemm

INT8 = Operands(8, 8, True)
SIZE = st.integers(1, 300)
SIDE = st.integers(1, 40)


def _array(rows: int, cols: int, dataflow: str) -> Array:
    source = dict.fromkeys(("rows", "cols", "operand_bits", "operand_bits_max"), "assumption: a test")
    return Array(rows=rows, cols=cols, dataflow=dataflow, operand_bits=8, operand_bits_max=16, source=source)


@pytest.mark.parametrize(
    ("dataflow", "expected"),
    [
        # 3 rows, 5 columns; m 7, n 11, k 13.
        ("weight_stationary", 5 * 3 * (2 * 3 + 5 + 7 - 2) - 1),  # ceil(13/3) * ceil(11/5), m streams
        ("output_stationary", 3 * 3 * (3 + 5 + 13 - 2) - 1),  # ceil(7/3) * ceil(11/5), k streams, nothing is loaded
        ("input_stationary", 5 * 2 * (2 * 3 + 5 + 11 - 2) - 1),  # ceil(13/3) * ceil(7/5), n streams
    ],
)
def test_a_product_by_hand(dataflow: str, expected: int) -> None:
    """Folds times (fill + skew + stream), less one, on an array that is not square."""
    assert array_cycles(Gemm(1, 7, 11, 13), INT8, _array(3, 5, dataflow)) == expected


@given(a=SIDE, m=SIZE, n=SIZE, k=SIZE)
def test_square_arrays_give_the_published_closed_forms(a: int, m: int, n: int, k: int) -> None:
    """ws, is and os equal SCALE-Sim's formulas for an A x A array."""
    gemm = Gemm(1, m, n, k)

    def up(x: int) -> int:
        return (x + a - 1) // a

    assert array_cycles(gemm, INT8, _array(a, a, "weight_stationary")) == up(k) * up(n) * (3 * a + m - 2) - 1
    assert array_cycles(gemm, INT8, _array(a, a, "input_stationary")) == up(k) * up(m) * (3 * a + n - 2) - 1
    assert array_cycles(gemm, INT8, _array(a, a, "output_stationary")) == up(m) * up(n) * (2 * a + k - 2) - 1


def test_a_depthwise_convolution_runs_channel_after_channel() -> None:
    """24 channels of 9 taps on 4 x 4: 24 * (3 folds * (8 + 4 + 100 - 2) - 1) cycles, one column busy."""
    gemm = Gemm(batch=24, m=100, n=1, k=9)
    array = _array(4, 4, "weight_stationary")
    assert array_cycles(gemm, INT8, array) == 24 * (3 * 110 - 1)
    assert folds(gemm, array).n == 1


@pytest.mark.parametrize(("first", "second", "passes"), [(8, 8, 1), (4, 8, 1), (9, 8, 2), (16, 8, 2), (16, 16, 4)])
def test_a_wide_operand_takes_several_passes(first: int, second: int, passes: int) -> None:
    """Each 8-bit chunk of one operand meets each chunk of the other, at full cost."""
    gemm, array = Gemm(2, 5, 6, 7), _array(4, 4, "weight_stationary")
    assert array_cycles(gemm, Operands(first, second, False), array) == passes * array_cycles(gemm, INT8, array)


@pytest.mark.parametrize("dataflow", ["weight_stationary", "output_stationary", "input_stationary"])
def test_no_array_beats_one_mac_a_cell_a_cycle(dataflow: str, machine: Callable[..., Machine]) -> None:
    """MACs <= cycles * cells, for every dataflow."""
    array = machine({"array.dataflow": dataflow}).array
    gemm = Gemm(3, 64, 64, 64)
    assert gemm.macs <= array_cycles(gemm, INT8, array) * array.rows * array.cols
