"""Exact comparison: every single difference is found, named and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_programs import tiny_cnn, tiny_image

from bittrue.golden.compare import Mismatch, Verdict, compare, hexadecimal
from bittrue.golden.reference import Reference
from bittrue.spec.errors import BadInput, OutOfDomain
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace


@pytest.fixture(scope="module")
def program() -> Program:
    """The small network."""
    return tiny_cnn()


@pytest.fixture(scope="module")
def trace(program: Program) -> Trace:
    """One run of it, with stages."""
    return Reference(program).run(tiny_image(), stages=True)


def changed(trace: Trace, name: str, change: Callable[[NDArray[np.integer]], None], stage: str = "") -> Trace:
    """The trace with one array copied and changed in place."""
    array = (trace.stages[name][stage] if stage else trace.tensors[name]).copy()
    change(array)
    if stage:
        return replace(trace, stages={**trace.stages, name: {**trace.stages[name], stage: array}})
    return replace(trace, tensors={**trace.tensors, name: array})


def test_equal_traces_agree(program: Program, trace: Trace) -> None:
    """Everything is compared: all 8 tensors, and the two stages of 4 steps."""
    verdict = compare(program, trace, trace)
    elements = sum(array.size for array in trace.tensors.values())
    elements += sum(array.size for stages in trace.stages.values() for array in stages.values())
    assert verdict == Verdict(8, elements, 0, None)
    assert verdict.agreed


def test_one_flipped_bit_is_found(program: Program, trace: Trace) -> None:
    """The lowest bit of one code, at its coordinate, with both values."""

    def flip(array: NDArray[np.integer]) -> None:
        array[0, 2, 1, 2] ^= 1

    value = int(trace.tensors["relu"][0, 2, 1, 2])
    verdict = compare(program, trace, changed(trace, "relu", flip), image="cat.png")
    assert (verdict.agreed, verdict.mismatches) == (False, 1)
    assert verdict.first == Mismatch("relu", "output", (0, 2, 1, 2), value, value ^ 1, 8, image="cat.png")


def test_the_first_of_many_is_the_first_in_row_major_order(program: Program, trace: Trace) -> None:
    """Counts all, names the lowest coordinate of the earliest tensor."""

    def spoil(array: NDArray[np.integer]) -> None:
        array[0, 3] += 1
        array[0, 1, 2, 0] += 1

    verdict = compare(program, trace, changed(changed(trace, "sum", spoil), "relu", spoil))
    assert verdict.mismatches == 20
    assert verdict.first is not None
    assert (verdict.first.tensor, verdict.first.coordinate) == ("relu", (0, 1, 2, 0))


def test_a_stage_comes_before_its_output(program: Program, trace: Trace) -> None:
    """A wrong accumulator and a wrong output of one step: the accumulator is first, 32 bits wide."""

    def spoil(array: NDArray[np.integer]) -> None:
        array[0, 0, 1, 1] += 1

    both = changed(changed(trace, "conv", spoil), "conv", spoil, "accumulator")
    verdict = compare(program, trace, both)
    assert verdict.mismatches == 2
    assert verdict.first is not None
    assert (verdict.first.stage, verdict.first.bits) == ("accumulator", 32)
    # An adder is no MAC: its sum has no register of its own.
    verdict = compare(program, trace, changed(trace, "sum", spoil, "accumulator"))
    assert verdict.first is not None and verdict.first.bits == 64


def test_stages_of_one_side_only_are_not_compared(program: Program, trace: Trace) -> None:
    """Stages are on request; a trace without any says nothing about them."""
    bare = replace(trace, stages={})
    verdict = compare(program, trace, bare)
    assert verdict.agreed
    assert verdict.elements_compared == sum(array.size for array in trace.tensors.values())


def test_missing_arrays_are_differences(program: Program, trace: Trace) -> None:
    """A tensor or a stage that one side lacks, or both, counts with all its elements."""
    without = replace(trace, tensors={k: v for k, v in trace.tensors.items() if k != "relu"})
    sides = ((trace, without, "actual"), (without, trace, "expected"), (without, without, "both"))
    for expected, actual, reason in sides:
        verdict = compare(program, expected, actual)
        assert (verdict.agreed, verdict.mismatches, verdict.tensors_compared) == (False, 36, 7)
        assert verdict.first is not None and verdict.first.tensor == "relu" and reason in verdict.first.reason
    no_stage = replace(trace, stages={**trace.stages, "conv": {"rounded": trace.stages["conv"]["rounded"]}})
    verdict = compare(program, trace, no_stage)
    assert verdict.mismatches == 36
    assert verdict.first is not None
    assert verdict.first.describe() == "conv.accumulator: missing in the actual trace"
    no_step = replace(trace, stages={k: v for k, v in trace.stages.items() if k != "conv"})
    assert compare(program, trace, no_step).mismatches == 72


def test_an_unknown_tensor_is_a_difference(program: Program, trace: Trace) -> None:
    """A tensor that the program does not have, in one trace only."""
    extra = replace(trace, tensors={**trace.tensors, "ghost": np.zeros(3, np.int8)})
    verdict = compare(program, trace, extra)
    assert (verdict.agreed, verdict.mismatches) == (False, 3)
    assert verdict.first is not None and verdict.first.describe() == "ghost: missing in the expected trace"


def test_shapes_must_be_equal_and_declared(program: Program, trace: Trace) -> None:
    """Broadcastable is not equal; both sides wrong alike is wrong too."""
    short = replace(trace, tensors={**trace.tensors, "pooled": trace.tensors["pooled"].reshape(1, 4)})
    for expected, actual in ((trace, short), (short, trace), (short, short)):
        verdict = compare(program, expected, actual)
        assert (verdict.agreed, verdict.mismatches) == (False, 4)
        assert verdict.first is not None and "shapes differ" in verdict.first.describe()


def test_the_dtype_does_not_hide_a_difference(program: Program, trace: Trace) -> None:
    """-1 as int8 and 255 as uint8 have the same bits and are different integers; equal integers agree."""
    as_unsigned = replace(trace, tensors={**trace.tensors, "conv": trace.tensors["conv"].view(np.uint8)})
    negative = int(np.count_nonzero(trace.tensors["conv"] < 0))
    assert negative > 0
    assert compare(program, trace, as_unsigned).mismatches == negative
    widened = replace(trace, tensors={**trace.tensors, "conv": trace.tensors["conv"].astype(np.int64)})
    assert compare(program, trace, widened).agreed


def test_floats_are_refused(program: Program, trace: Trace) -> None:
    """A trace of floats cannot be judged exactly."""
    floats = replace(trace, tensors={**trace.tensors, "conv": trace.tensors["conv"].astype(np.float64)})
    with pytest.raises(OutOfDomain, match="integers"):
        compare(program, trace, floats)


def test_traces_of_other_programs_are_refused(program: Program, trace: Trace) -> None:
    """Either side with another digest cannot be judged."""
    other = replace(trace, program_digest="0" * 64, producer="simulator")
    for expected, actual in ((trace, other), (other, trace), (other, other)):
        with pytest.raises(BadInput, match="another program") as error:
            compare(program, expected, actual)
        assert "simulator" in error.value.where


def test_verdicts_add_up(program: Program, trace: Trace) -> None:
    """Over many images the counts add and the first mismatch is the earliest."""

    def spoil(array: NDArray[np.integer]) -> None:
        array[0, 1] += 1

    good = compare(program, trace, trace, image="a")
    bad = compare(program, trace, changed(trace, "logits", spoil), image="b")
    later = compare(program, trace, changed(trace, "flat", spoil), image="c")
    total = sum((good, bad, later), Verdict())
    assert (total.tensors_compared, total.mismatches, total.agreed) == (24, 2, False)
    assert total.elements_compared == 3 * good.elements_compared
    assert total.first == bad.first


def test_nothing_compared_is_no_agreement() -> None:
    """An empty comparison proves nothing."""
    assert not Verdict().agreed


def test_a_mismatch_describes_itself() -> None:
    """Tensor, stage, coordinate, decimal and hexadecimal of both sides."""
    mismatch = Mismatch("stages.1.conv", "output", (0, 3, 17, 5), -12, -11, 8)
    assert mismatch.describe() == "stages.1.conv[0, 3, 17, 5] expected -12 (0xf4), actual -11 (0xf5)"
    deep = Mismatch("head", "accumulator", (0, 2), -1, 70000, 20, image="cat.png")
    assert deep.describe() == "cat.png: head.accumulator[0, 2] expected -1 (0xfffff), actual 70000 (0x11170)"


@pytest.mark.parametrize(
    ("value", "bits", "wanted"),
    [
        (-128, 8, "0x80"),
        (255, 8, "0xff"),
        (-1, 4, "0xf"),
        (5, 12, "0x005"),
        (-1, 20, "0xfffff"),
        (-1, 64, "0x" + "f" * 16),
        (256, 8, "0x0100"),
        (-129, 8, "0xff7f"),
    ],
)
def test_hexadecimal(value: int, bits: int, wanted: str) -> None:
    """Two's complement at the width; a value too wide for it is shown whole, in the next full byte."""
    assert hexadecimal(value, bits) == wanted
