"""Accumulators of the MAC ops under the datapath's overflow rule, for the kernels.

One form serves conv2d, linear and matmul. A step is a set of groups; a group has rows of weights over
the same taps; a tap is a run of consecutive operand codes, one for each output of a row:

    accumulator[g, r, p] = bias + sum over t of weight[g, r, t] * data[starts[g, t] + p]

Taps stand in the order in which the machine adds them. That order is obeyed where it matters (an
accumulator that saturates) and free where it does not (docs/design.md, decision 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.accumulate_fast import multiply_accumulate
from bittrue.simulator.accumulate_ordered import saturating_multiply_accumulate, saturating_sums
from bittrue.simulator.fixed import saturate, wrap
from bittrue.simulator.jit import jit
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call

Integers = NDArray[np.integer]


def working_dtype(call: Call) -> np.dtype[np.signedinteger]:
    """The type of a step's operands and accumulators: int32 where the proved bound fits it, else int64."""
    fits = call.accumulator_proved and call.bound is not None and call.bound.bits <= 32
    return np.dtype(np.int32 if fits else np.int64)


def centred(codes: Integers, zero_point: int, dtype: np.dtype[np.signedinteger]) -> Integers:
    """Every element's code - zero_point, in `dtype`, C-contiguous."""
    if zero_point == 0:
        return codes.astype(dtype, order="C")
    # Exact in int64 whatever the zero point; narrowing keeps the value modulo 2**32, and a step that
    # works in int32 has a proved result modulo 2**32.
    return (codes.astype(np.int64) - zero_point).astype(dtype, order="C", copy=False)


def accumulate(
    call: Call, weight: Integers, data: Integers, starts: Integers, *, length: int, bias: Integers | None = None
) -> Integers:
    """The accumulators of a step, after the datapath's overflow rule.

    weight: [groups, rows, taps]; data: flat, with length codes from every start; starts: [groups, taps];
    bias: broadcastable to the result, None for an op without one.
    Returns [groups, rows, length], int32 or int64.
    """
    dtype, mac = working_dtype(call), call.datapath.mac
    initial = np.zeros(1, np.int64) if bias is None else bias.astype(np.int64)
    shape = (weight.shape[0], weight.shape[1], length)
    taps = (_native(weight, dtype), _native(starts, np.dtype(np.int64)), _native(data, dtype))
    if _is_exact(call):
        accumulator = _filled(shape, initial, dtype)
        multiply_accumulate(accumulator, *taps)
        return accumulator if call.accumulator_proved else _wrapped(accumulator, mac.accumulator_bits)
    # A register that starts at the bias cannot hold more than its own range either.
    first, last = (initial, 0) if mac.bias == "first" else (0, initial)
    accumulator = _saturated(_filled(shape, first, dtype), mac.accumulator_bits)
    saturating_multiply_accumulate(accumulator, *taps, mac.accumulator_bits)
    return _saturated(accumulator + last, mac.accumulator_bits)


def accumulate_terms(call: Call, terms: Integers) -> Integers:
    """The accumulators of a plain sum, after the datapath's overflow rule.

    terms: int64 [rows, terms], added from the first to the last. Returns int64 [rows].
    """
    mac = call.datapath.mac
    if _is_exact(call):
        total = np.asarray(terms.sum(axis=1, dtype=np.int64))
        return total if call.accumulator_proved else _wrapped(total, mac.accumulator_bits)
    total = np.zeros(terms.shape[0], np.int64)
    saturating_sums(total, np.ascontiguousarray(terms), mac.accumulator_bits)
    return total


def _is_exact(call: Call) -> bool:
    """Whether the exact sum, at most wrapped once at its end, is what the machine computes."""
    if call.accumulator_proved or call.datapath.mac.overflow == "wrap":
        return True
    if call.datapath.mac.overflow == "saturate":
        return False
    raise IllFormed(
        "the accumulator may overflow and the datapath refuses overflow",
        where=call.step,
        got=call.bound,
        expected=f"a proved bound of at most {call.datapath.mac.accumulator_bits} bits",
    )


def _native(array: Integers, dtype: np.dtype[np.signedinteger]) -> Integers:
    """A writable C-contiguous array of one dtype: each other kind would be compiled for anew."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "WRITEABLE"])


def _filled(shape: tuple[int, ...], initial: Integers | int, dtype: np.dtype[np.signedinteger]) -> Integers:
    accumulator = np.empty(shape, dtype)
    accumulator[...] = initial
    return accumulator


def _wrapped(accumulator: Integers, bits: int) -> Integers:
    """An exact sum as the register keeps it; equal to wrapping after every addition."""
    _wrap_all(accumulator.reshape(-1), bits)
    return accumulator


def _saturated(accumulator: Integers, bits: int) -> Integers:
    _saturate_all(accumulator.reshape(-1), bits)
    return accumulator


@jit
def _wrap_all(values: Integers, bits: int) -> None:
    for index in range(values.size):
        values[index] = wrap(values[index], bits)


@jit
def _saturate_all(values: Integers, bits: int) -> None:
    for index in range(values.size):
        values[index] = saturate(values[index], bits)
