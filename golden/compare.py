"""Exact comparison of two runs of one Program: how many integers differ, and which one first.

"First" is the order in which values arise: steps in program order, a step's stages before its output,
coordinates in row-major order. There is no tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput, OutOfDomain
from bittrue.spec.op import Call
from bittrue.spec.program import Program
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.trace import Trace

OUTPUT = "output"
"""Stands in the place of a stage for what a step produces."""

STAGE_BITS = 64
"""Width of a stage's hexadecimal form, where no register of the datapath gives a narrower one."""


@dataclass(frozen=True)
class Mismatch:
    """One difference. Either a pair of integers at a coordinate, or a `reason` without coordinates."""

    tensor: str
    """Tensor name; it is the step's name too."""
    stage: str
    """A stage of the step, or "output"."""
    coordinate: tuple[int, ...]
    expected: int | None
    actual: int | None
    bits: int
    """Width of the value's two's complement (or unsigned) form."""
    reason: str = ""
    """Why no integers could be compared: a missing array, another shape."""
    image: str = ""
    """Which image, when many were compared."""

    def describe(self) -> str:
        """`IMAGE: TENSOR.STAGE[coordinate] expected dec (hex), actual dec (hex)`, as far as they exist."""
        place = f"{self.image}: {self.tensor}" if self.image else self.tensor
        if self.stage != OUTPUT:
            place += f".{self.stage}"
        if self.expected is None or self.actual is None:
            return f"{place}: {self.reason}"
        both = (
            f"{word} {value} ({hexadecimal(value, self.bits)})"
            for word, value in (("expected", self.expected), ("actual", self.actual))
        )
        return f"{place}[{', '.join(map(str, self.coordinate))}] {', '.join(both)}"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one comparison, or the sum of many (`+`)."""

    tensors_compared: int = 0
    """Tensors present on both sides in one shape; stages are not counted here."""
    elements_compared: int = 0
    """Integers compared, those of stages included."""
    mismatches: int = 0
    """Integers that differ; a missing or misshapen array counts one for each integer it should hold."""
    first: Mismatch | None = None

    @property
    def agreed(self) -> bool:
        """Whether something was compared and nothing differed."""
        return self.mismatches == 0 and self.elements_compared > 0

    def __add__(self, later: Verdict) -> Verdict:
        """The verdict over both; the first mismatch is the earlier one's."""
        return Verdict(
            self.tensors_compared + later.tensors_compared,
            self.elements_compared + later.elements_compared,
            self.mismatches + later.mismatches,
            self.first or later.first,
        )


def hexadecimal(value: int, bits: int) -> str:
    """The two's complement form of an integer at a width, or at the least multiple of 8 that holds it."""
    while not -(1 << (bits - 1)) <= value < 1 << bits:
        bits = (bits // 8 + 1) * 8
    return f"0x{value & ((1 << bits) - 1):0{(bits + 3) // 4}x}"


def compare(program: Program, expected: Trace, actual: Trace, *, image: str = "") -> Verdict:
    """Compare every tensor, and every stage when both traces carry stages.

    image: a name for messages. A tensor or stage that a trace lacks, that only one has or whose shape
    differs is a difference. Raises BadInput when a trace is of another program, OutOfDomain when an
    array does not hold integers.
    """
    for trace in (expected, actual):
        if trace.program_digest != program.digest:
            raise BadInput(
                "a trace belongs to another program",
                where=f"trace of the {trace.producer}",
                got=f"digest {trace.program_digest[:16]}",
                expected=f"digest {program.digest[:16]}",
                next_step="run both sides on the same program file",
            )
    verdict = Verdict()
    for pair in _pairs(program, expected, actual):
        verdict += _judge(pair, image)
    return verdict


Array = NDArray[np.integer] | None


@dataclass(frozen=True)
class _Pair:
    """What either side says of one tensor or stage."""

    tensor: str
    stage: str
    bits: int
    shape: tuple[int, ...] | None
    """What the program declares; None for a stage, or for an array that is no part of the program."""
    expected: Array
    actual: Array


def _pairs(program: Program, expected: Trace, actual: Trace) -> Iterator[_Pair]:
    """Everything that either side has or should have, in the order in which it arises."""
    for name in program.inputs:
        yield _tensor_pair(program.tensors[name], expected, actual)
    both_have_stages = bool(expected.stages) and bool(actual.stages)
    for call in program.calls:
        if both_have_stages:
            left, right = expected.stages.get(call.step, {}), actual.stages.get(call.step, {})
            for stage in call.op.stages_on(call.datapath):
                yield _Pair(call.step, stage, _stage_bits(call, stage), None, left.get(stage), right.get(stage))
        yield _tensor_pair(call.output, expected, actual)
    for name in sorted((set(expected.tensors) | set(actual.tensors)) - set(program.tensors)):
        yield _Pair(name, OUTPUT, STAGE_BITS, None, expected.tensors.get(name), actual.tensors.get(name))


def _tensor_pair(spec: TensorSpec, expected: Trace, actual: Trace) -> _Pair:
    left, right = expected.tensors.get(spec.name), actual.tensors.get(spec.name)
    return _Pair(spec.name, OUTPUT, spec.bits, spec.shape, left, right)


def _stage_bits(call: Call, stage: str) -> int:
    """A MAC's accumulator is as wide as the datapath's register; other stages are shown as they are traced."""
    return call.datapath.mac.accumulator_bits if stage == "accumulator" and call.bound is not None else STAGE_BITS


def _judge(pair: _Pair, image: str) -> Verdict:
    """Compare one pair of arrays."""
    left, right = pair.expected, pair.actual
    place = Mismatch(pair.tensor, pair.stage, (), None, None, pair.bits, image=image)
    reason = _incomparable(pair)
    if left is None or right is None or reason:
        known = [math.prod(pair.shape or ()), *(side.size for side in (left, right) if side is not None)]
        return Verdict(mismatches=max(known), first=replace(place, reason=reason))
    for array in (left, right):
        if not np.issubdtype(array.dtype, np.integer):
            raise OutOfDomain("a trace must hold integers", where=f"{pair.tensor}.{pair.stage}", got=array.dtype)
    differs = left != right
    count = int(np.count_nonzero(differs))
    first = None
    if count:
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(differs)), differs.shape))
        first = replace(place, coordinate=at, expected=int(left[at]), actual=int(right[at]))
    return Verdict(int(pair.stage == OUTPUT), left.size, count, first)


def _incomparable(pair: _Pair) -> str:
    """Why two arrays cannot be compared element by element; empty when they can."""
    left, right = pair.expected, pair.actual
    if left is None and right is None:
        return "missing in both traces"
    if left is None:
        return "missing in the expected trace"
    if right is None:
        return "missing in the actual trace"
    if left.shape != right.shape or pair.shape not in (None, left.shape):
        declared = f", declared {pair.shape}" if pair.shape is not None else ""
        return f"shapes differ: expected {left.shape}, actual {right.shape}{declared}"
    return ""
