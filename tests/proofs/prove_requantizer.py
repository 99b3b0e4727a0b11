"""`make prove`: the simulator's requantizer over all 2**32 accumulators, for every case of a list.

Each result is compared with a staircase computed on Python integers from the definition of rounding
(thresholds.py), so the kernel is not compared with its own formula. Prints a line a case and leaves with
1 if one accumulator disagrees.

    python tests/proofs/prove_requantizer.py [--accumulator-bits 32] [--cases N]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from thresholds import FIRST_SHIFT, Case, thresholds

from bittrue.simulator.fixed import ROUNDING_CODES, requantize, requantize_twice
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.spec.arithmetic import Rounding

ONCE = -1
"""Stands for the second rounding of a requantizer that shifts once."""
MULTIPLIERS_AND_SHIFTS = (
    (1 << 30, 31),  # exactly one half: ties everywhere
    (1 << 30, 30),  # exactly one
    (1 << 30, 38),  # a power of two below one: a residual add
    (3 << 29, 33),  # three sixteenths: ties at every eighth accumulator
    ((1 << 31) - 1, 31),  # just below one
    ((1 << 31) - 1, 62),  # the largest product and the largest shift
    ((1 << 30) + 1, 40),
    (1431655765, 41),  # a third
    (1518500250, 47),  # the root of one half
    (1073741825, 1),  # everything saturates but a few
    (2136746229, 37),
    (1227133513, 35),  # 8/7
    (1342177280, 44),  # 5 * 2**28: ties far apart
)
SHIFTED_TWICE = ((1 << 30, 30), (1 << 30, 31), (1 << 30, 33), (1431655765, 41), (1518500250, 47), ((1 << 31) - 1, 62))
"""A shift below 31 lifts the accumulator, and by one bit only, so that 32 of them still fit 63 bits of product."""
TWICE = ((Rounding.HALF_UP, Rounding.HALF_AWAY), (Rounding.HALF_EVEN, Rounding.FLOOR))
"""Two roundings: gemmlowp's, and another pair."""
RANGES = ((-128, 127, -3), (0, 255, 128), (-128, 127, -511), (-32768, 32767, 77))
"""(low, high, zero point): s8, u8, a wide zero point, s16."""


def cases() -> list[Case]:
    """Every multiplier and shift with every rounding; ranges and zero points take turns."""
    found = []
    for index, (multiplier, shift) in enumerate(MULTIPLIERS_AND_SHIFTS):
        for turn, rounding in enumerate(Rounding):
            low, high, zero_point = RANGES[(index + turn) % len(RANGES)]
            found.append(Case(multiplier, shift, rounding, zero_point, low, high))
    for index, ((multiplier, shift), (rounding, second)) in enumerate(itertools.product(SHIFTED_TWICE, TWICE)):
        low, high, zero_point = RANGES[index % len(RANGES)]
        found.append(Case(multiplier, shift, rounding, zero_point, low, high, second))
    return found


@parallel_jit
def disagreements(
    edges: NDArray[np.int64],
    multiplier: int,
    shift: int,
    zero_point: int,
    low: int,
    high: int,
    rounding: int,
    second: int,
) -> NDArray[np.int64]:
    """For each run of accumulators edges[i] .. edges[i + 1] - 1: how many do not give code low + i."""
    wrong = np.zeros(edges.size - 1, np.int64)
    # Runs may be as long as half of all accumulators; pieces keep both cores busy.
    for run in range(edges.size - 1):
        begin, end, code = edges[run], edges[run + 1], low + run
        pieces = (end - begin) // 1_000_000 + 1
        total = 0
        for piece in prange(pieces):
            first = begin + piece * 1_000_000
            bad = 0
            for accumulator in range(first, min(first + 1_000_000, end)):
                if second == ONCE:
                    found = requantize(accumulator, multiplier, 0, shift, zero_point, low, high, rounding)
                else:
                    found = requantize_twice(
                        accumulator, multiplier, shift, zero_point, low, high, rounding, second, FIRST_SHIFT
                    )
                bad += found != code
            total += bad
        wrong[run] = total
    return wrong


def prove(case: Case, accumulator_bits: int) -> int:
    """Number of accumulators of that width for which the kernel disagrees with the staircase."""
    bottom, top = -(1 << (accumulator_bits - 1)), 1 << (accumulator_bits - 1)
    inner = [min(max(edge, bottom), top) for edge in thresholds(case)]
    edges = np.array([bottom, *inner, top], np.int64)
    code = ROUNDING_CODES[case.rounding]
    second = ONCE if case.second is None else ROUNDING_CODES[case.second]
    wrong = disagreements(edges, case.multiplier, case.shift, case.zero_point, case.low, case.high, code, second)
    assert int(np.diff(edges).sum()) == 1 << accumulator_bits, "the runs are all accumulators, each once"
    return int(wrong.sum())


def main() -> int:
    """Run every case, print a line each, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accumulator-bits", type=int, default=32)
    parser.add_argument("--cases", type=int, default=None, help="only the first N")
    options = parser.parse_args()
    chosen = cases()[: options.cases]
    total = 0
    print("multiplier shift rounding              zero point codes           accumulators wrong")
    start = time.perf_counter()
    for case in chosen:
        wrong = prove(case, options.accumulator_bits)
        total += wrong
        codes = f"{case.low}..{case.high}"
        rule = case.rounding + (f", {case.second}" if case.second else "")
        print(
            f"{case.multiplier:>10} {case.shift:>5} {rule:<21} {case.zero_point:>10} {codes:<14} "
            f"{1 << options.accumulator_bits:>13} {wrong:>5}",
            flush=True,
        )
    seconds = time.perf_counter() - start
    print(f"{len(chosen)} cases, {len(chosen) << options.accumulator_bits:,} results, {total} wrong, {seconds:.0f} s")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
