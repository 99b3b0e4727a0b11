"""Cycles of the systolic array: SCALE-Sim's closed form.

Source: Samajdar et al., A Systematic Methodology for Characterizing Scalability of DNN Accelerators using SCALE-Sim,
ISPASS 2020, and the runs of the tool itself (`bittrue bench cost`), which obey it exactly. The spatial sizes S_R and
S_C are cut into ceil(S_R / R) * ceil(S_C / C) folds on R rows and C columns, and a fold streams T vectors:

    dataflow             S_R  S_C  T    cycles of a fold
    weight_stationary    k    n    m    2*R + C + T - 2        the stationary operand takes R cycles to load
    input_stationary     k    m    n    2*R + C + T - 2
    output_stationary    m    n    k    R + C + T - 2          nothing is loaded; sums leave while the next fold runs

SCALE-Sim counts from cycle 0, hence the final - 1. There are no stalls here: buffers and memories have
cycles of their own (buffers.py, memory.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.simulator.cost.sizes import Operands
from bittrue.spec.machine import Array
from bittrue.spec.op import Gemm


@dataclass(frozen=True)
class Folds:
    """How a product is cut to fit the array."""

    k: int
    m: int
    n: int
    streamed: int
    """T: how many vectors stream through one fold."""

    @property
    def count(self) -> int:
        """Number of folds."""
        return self.k * self.m * self.n


def folds(gemm: Gemm, array: Array, packed: int = 1) -> Folds:
    """Folds of one [m, k] x [k, n] product (of one batch element); `packed` of its k go at once."""
    rows, cols, k = array.rows, array.cols, -(-gemm.k // packed)
    if array.dataflow == "weight_stationary":
        return Folds(k=-(-k // rows), m=1, n=-(-gemm.n // cols), streamed=gemm.m)
    if array.dataflow == "output_stationary":
        return Folds(k=1, m=-(-gemm.m // rows), n=-(-gemm.n // cols), streamed=k)
    return Folds(k=-(-k // rows), m=-(-gemm.m // cols), n=1, streamed=gemm.n)


def array_cycles(gemm: Gemm, operands: Operands, array: Array) -> int:
    """Cycles of all batch elements, one after another, in as many passes as the operands need.

    In a depthwise mode `depthwise_channels` channels run side by side, each in a column with an input of its own.
    """
    cut = folds(gemm, array, operands.packed(array))
    loads = 0 if array.dataflow == "output_stationary" else array.rows
    one = cut.count * (loads + array.rows + array.cols + cut.streamed - 2) - 1
    return side_by_side(gemm, array) * operands.passes(array) * one


def side_by_side(gemm: Gemm, array: Array) -> int:
    """How many products run one after another: channels of a depthwise convolution may share the columns."""
    return -(-gemm.batch // array.depthwise_channels) if gemm.n == 1 else gemm.batch
