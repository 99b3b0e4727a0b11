"""The parts of which cases of ops are made: tensors, codes, zero points, requantizers, checked calls.

Constants and operands are random over their whole ranges with the extremes overrepresented; scales are
1.0, because no integer depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Op
from bittrue.spec.tensors import TensorSpec

Constants = dict[str, NDArray[np.integer]]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A call and one array of codes, in the TensorSpec's dtype, for each of its inputs."""

    call: Call
    operands: tuple[NDArray[np.integer], ...]


def tensor(
    name: str,
    shape: Shape,
    *,
    bits: int = 8,
    signed: bool = True,
    zero_point: Sequence[int] = (0,),
    axis: int | None = None,
    row_sum_max: int | None = None,
) -> TensorSpec:
    """A TensorSpec with scale 1."""
    return TensorSpec(
        name, shape, bits, signed, (1.0,) * len(zero_point), tuple(zero_point), axis, row_sum_max=row_sum_max
    )


def with_axis(spec: TensorSpec, axis: int, points: Sequence[int] | None = None) -> TensorSpec:
    """The tensor with a scale for each index of an axis, and these zero points, or the one it has for all."""
    count = spec.shape[axis]
    chosen = spec.zero_point * count if points is None else tuple(int(point) for point in points)
    return replace(spec, scale=tuple(1.0 + index for index in range(count)), zero_point=chosen, axis=axis)


def codes(rng: Generator, spec: TensorSpec) -> NDArray[np.integer]:
    """Random codes over the whole range, a quarter of them at its ends."""
    low, high = spec.code_range
    array = rng.integers(low, high, spec.shape, endpoint=True)
    array = np.where(rng.random(spec.shape) < 0.25, rng.choice([low, high], spec.shape), array)
    return array.astype(spec.dtype)


def zero_points(rng: Generator, bits: int, signed: bool, count: int = 1, *, wide: bool = True) -> tuple[int, ...]:
    """Zero points at the ends of the code range, inside it and, where `wide`, far outside."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    values = [
        low,
        high,
        (low + high) // 2,
        int(rng.integers(low, high)),
        *([3 * low - 5, 4 * high + 7] if wide else []),
    ]
    return tuple(int(value) for value in rng.choice(values, count))


def build(op: Op, inputs: Sequence[TensorSpec], output: TensorSpec, constants: Constants, path: Datapath) -> Call:
    """The call with its bound proved, checked by its contract."""
    call = Call("step", op, tuple(inputs), output, constants, path)
    call = replace(call, bound=op.bound(call))
    assert op.output_shape([spec.shape for spec in inputs]) == output.shape
    op.check(call)
    return call


def requantizer(
    rng: Generator, path: Datapath, reach: int, bits: int, count: int = 1, *, ties: bool = False, op: str = ""
) -> Constants:
    """Constants of the requantizer that an op has, which spread accumulators up to `reach` over a code range of
    `bits` bits and past its ends. With `ties` a multiplier is a power of two and the shift small, so that ties
    abound.
    """
    unit = path.requantizer(op)
    if unit.kind == "thresholds":
        steps = rng.integers(-reach, reach, (count, (1 << bits) - 1), endpoint=True)
        return {"thresholds": np.sort(steps, axis=1)}
    spread = reach.bit_length() - bits
    if unit.kind == "float32":
        scale = np.ldexp(1 + rng.random(count), -1 if ties else rng.integers(-2, 3, count) - spread)
        return {"multiplier": scale.astype(np.float32).view(np.int32), "shift": np.zeros(count, np.int8)}
    width, count = unit.multiplier_bits if unit.kind == "integer" else 1, count if unit.per_channel else 1
    if ties:
        return {
            "multiplier": np.full(count, 1 << (width - 1), np.int32),
            "shift": np.full(count, min(width + 1, unit.shift_max), np.int8),
        }
    multiplier = rng.integers(1 << (width - 1), 1 << width, count)
    multiplier = np.where(rng.random(count) < 0.2, rng.choice([1 << (width - 1), (1 << width) - 1], count), multiplier)
    shift = width - 1 + spread + rng.integers(-3, 2, count)
    return {
        "multiplier": multiplier.astype(np.int32),
        "shift": np.clip(shift, max(1, unit.shift_min), unit.shift_max).astype(np.int8),
    }
