"""Cycles of the systolic array: SCALE-Sim's closed form.

Source: Samajdar et al., A Systematic Methodology for Characterizing Scalability of DNN Accelerators
using SCALE-Sim, ISPASS 2020, analytical model: a fold of a product takes 2*R + C + T - 2 cycles on R rows and C
columns (fill R, skew R + C - 2, stream T), and the spatial sizes S_R and S_C are cut into
ceil(S_R / R) * ceil(S_C / C) folds:

    dataflow             S_R  S_C  T
    weight_stationary    k    n    m
    output_stationary    m    n    k
    input_stationary     k    m    n

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


def folds(gemm: Gemm, array: Array) -> Folds:
    """Folds of one [m, k] x [k, n] product (of one batch element)."""
    rows, cols = array.rows, array.cols
    if array.dataflow == "weight_stationary":
        return Folds(k=-(-gemm.k // rows), m=1, n=-(-gemm.n // cols), streamed=gemm.m)
    if array.dataflow == "output_stationary":
        return Folds(k=1, m=-(-gemm.m // rows), n=-(-gemm.n // cols), streamed=gemm.k)
    return Folds(k=-(-gemm.k // rows), m=-(-gemm.m // cols), n=1, streamed=gemm.n)


def array_cycles(gemm: Gemm, operands: Operands, array: Array) -> int:
    """Cycles of all batch elements, one after another, in as many passes as the operands need."""
    cut = folds(gemm, array)
    one = cut.count * (2 * array.rows + array.cols + cut.streamed - 2) - 1
    return gemm.batch * operands.passes(array.operand_bits) * one
