"""FQ-ViT's norm of the fast machine: a mantissa, an exponent and an offset a channel and row, without branches.

A = n * |gamma| * 2**scale / root is compared and divided as spec/units/norm/fq_vit.py says. A quotient is that of
float64 division of two numbers that float64 holds. Division is monotone, so that its floor is never below the exact
one; it is the same for a dividend below 2**52, and at most one more for a quotient below 2**52, which the remainder
tells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, wrap
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.norm.statistics import floor_root
from bittrue.simulator.plan.rounding import rounded, rounding_masks
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.spec.arithmetic import INT64_LIMIT, Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.row_norm import RowNorm, unit_constants, unit_of
from bittrue.spec.units.norm import FqVitNorm
from bittrue.spec.units.section import Width

Integers = NDArray[np.int64]
NO_GAMMA = -1000
"""Stands for the bit length of a gamma of 0: its exponent is then the largest."""


def bind_fq_vit(builder: Builder, call: Call, source: Stored, axis: int) -> Callable[[], object] | None:
    """Any rule of rounding but tosa_double, with products that the quotients in float64 hold; None for any other."""
    unit, spec, constants = cast(FqVitNorm, unit_of(call.datapath)), call.output, unit_constants(call)
    channels, n = spec.shape[axis], cast(RowNorm, call.op).row_length(spec.shape)
    if unit.rounding is Rounding.TOSA_DOUBLE or len(set(spec.zero_point)) > 1:
        return None

    def line(name: str) -> Integers:
        return np.array(np.broadcast_to(constants[name], (channels,)), np.int64)

    zero, factor, gamma, beta = (line(name) for name in ("code_zero_point", "factor", "gamma", "beta"))
    width = Width(source.spec.bits, source.spec.signed)
    reach = max(-end if end < 0 else end for end in unit.centred(width, constants))
    # sum * gamma, which is shifted left, and its quotient by the root, which is no larger.
    if n * reach * int(abs(gamma).max()) >= 1 << 52 or int(abs(beta).max()) >= 1 << 60:
        return None
    if 2 * unit.normalized_max(width, n, constants) + (1 << 33) >= INT64_LIMIT or reach >= 1 << 30:
        return None
    dividend = n * abs(gamma)
    bits = np.array([int(value).bit_length() for value in dividend], np.int64)
    wraps = unit.statistics_overflow == "wrap"
    place = builder.place_like(spec, source.view, axis)
    others = [index for index in range(len(spec.shape)) if index != axis]
    low, high = (limit + byte_offset(spec) for limit in spec.code_range)
    return partial(
        group_mantissas if isinstance(call.op, GroupNorm) else layer_mantissas,
        source.data,
        source.view.offsets(others),
        zero + byte_offset(source.spec),
        factor,
        np.array([unit.sum_bits, unit.sum_of_squares_bits] if wraps else [0, 0], np.int64),
        gamma,
        beta,
        dividend,
        dividend << (62 - bits),
        np.where(bits > 0, bits, NO_GAMMA),
        int(constants["root_shift"][0]),
        int(constants["gamma_shift"][0]),
        unit.mantissa_bits,
        unit.exponent_max,
        ROUNDING_CODES[unit.rounding],
        spec.zero_point[0] + byte_offset(spec),
        low,
        high,
        place.data,
        place.view.offsets(others),
        np.zeros((builder.threads, 3, channels), np.int64),
    )


@inlined_jit
def centred_sums(row: Bytes, zero: Integers, factor: Integers) -> tuple[Integer, Integer]:
    """The sum and the sum of squares of (byte - zero) << factor."""
    total, squares = np.int64(0), np.int64(0)
    for c in range(row.size):
        value = (np.int64(row[c]) - zero[c]) << factor[c]
        total += value
        squares += value * value
    return total, squares


@inlined_jit
def mantissas(
    n: int,
    total: Integer,
    squares: Integer,
    registers: Integers,
    gamma: Integers,
    beta: Integers,
    dividend: Integers,
    aligned: Integers,
    bits: Integers,
    root_shift: int,
    gamma_shift: int,
    mantissa_bits: int,
    exponent_max: int,
    rounding: int,
    forms: Integers,
) -> None:
    """Fill forms [3, channels]: mantissa, exponent and offset of a row with these exact sums.

    dividend: n * |gamma|, aligned: the same shifted to 62 bits, bits: its bit length; registers as in `row_scale`.
    """
    if registers[0] > 0:
        total, squares = wrap(total, registers[0]), wrap(squares, registers[1])
    mantissa, exponent, offset = forms[0], forms[1], forms[2]
    variance = n * squares - total * total
    if variance <= 0:
        mantissa[:] = 0
        exponent[:] = exponent_max
        offset[:] = 0
    else:
        root = floor_root(variance << (2 * root_shift))
        root_bits = np.int64(0)
        while root >> root_bits > 0:
            root_bits += 1
        scale, least, top = root_shift - gamma_shift, root << (62 - root_bits), (np.int64(1) << mantissa_bits) - 1
        divisor = np.float64(root)
        # Loops over few arrays each: of more, the compiler cannot tell cheaply enough that they do not overlap.
        for c in range(gamma.size):
            offset[c] = bits[c] - root_bits - (1 if aligned[c] < least else 0) + scale
        for c in range(gamma.size):
            log = offset[c]
            fraction_bits = min(max(mantissa_bits - 1 - log, 0), exponent_max)
            left = scale + fraction_bits
            shifted = (dividend[c] << min(max(left, 0), 62)) >> min(max(-left, 0), 62)
            # Where the mantissa fits, mantissa_bits + 31 bits; elsewhere the quotient does not count.
            quotient = np.int64(np.float64(shifted & ((1 << 50) - 1)) / divisor)
            size = top if log >= mantissa_bits else quotient
            mantissa[c] = -size if gamma[c] < 0 else size
            exponent[c] = fraction_bits
        for c in range(gamma.size):
            product = (total * gamma[c]) << root_shift
            quotient = np.int64(np.floor(np.float64(product) / divisor))
            offset[c] = quotient - (1 if product - quotient * root < 0 else 0)
    half, odd, away, whole = rounding_masks(rounding)
    for c in range(gamma.size):
        left = exponent[c] - gamma_shift
        moved = rounded(beta[c] - offset[c], max(-left, 0), half, odd, away, whole)
        offset[c] = moved << max(left, 0)


@inlined_jit
def place_forms(
    row: Bytes,
    zero: Integers,
    factor: Integers,
    forms: Integers,
    rounding: int,
    out_zero: int,
    low: int,
    high: int,
    target: Bytes,
) -> None:
    """Bytes of one row to output bytes by their mantissas, exponents and offsets."""
    mantissa, exponent, offset = forms[0], forms[1], forms[2]
    half, odd, away, whole = rounding_masks(rounding)
    for c in range(row.size):
        value = mantissa[c] * ((np.int64(row[c]) - zero[c]) << factor[c]) + offset[c]
        placed = rounded(value, exponent[c], half, odd, away, whole) + out_zero
        target[c] = min(max(placed, low), high)


@parallel_jit
def layer_mantissas(
    source: Bytes,
    starts: Places,
    zero: Integers,
    factor: Integers,
    registers: Integers,
    gamma: Integers,
    beta: Integers,
    dividend: Integers,
    aligned: Integers,
    bits: Integers,
    root_shift: int,
    gamma_shift: int,
    mantissa_bits: int,
    exponent_max: int,
    rounding: int,
    out_zero: int,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    scratch: Integers,
) -> None:
    """Every row of channels by its own statistics; scratch [threads, 3, channels]."""
    channels = gamma.size
    for r in prange(starts.size):
        forms = scratch[get_thread_id()]
        row, to = source[starts[r] : starts[r] + channels], places[r]
        total, squares = centred_sums(row, zero, factor)
        mantissas(
            channels, total, squares, registers, gamma, beta, dividend, aligned, bits, root_shift, gamma_shift,
            mantissa_bits, exponent_max, rounding, forms,
        )  # fmt: skip
        place_forms(row, zero, factor, forms, rounding, out_zero, low, high, target[to : to + channels])


@parallel_jit
def group_mantissas(
    source: Bytes,
    starts: Places,
    zero: Integers,
    factor: Integers,
    registers: Integers,
    gamma: Integers,
    beta: Integers,
    dividend: Integers,
    aligned: Integers,
    bits: Integers,
    root_shift: int,
    gamma_shift: int,
    mantissa_bits: int,
    exponent_max: int,
    rounding: int,
    out_zero: int,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    scratch: Integers,
) -> None:
    """All runs of channels by the statistics of all of them; arguments as in `layer_mantissas`."""
    channels, total, squares = gamma.size, np.int64(0), np.int64(0)
    for r in prange(starts.size):
        part, square = centred_sums(source[starts[r] : starts[r] + channels], zero, factor)
        total += part
        squares += square
    forms = scratch[0]
    mantissas(
        starts.size * channels, total, squares, registers, gamma, beta, dividend, aligned, bits, root_shift,
        gamma_shift, mantissa_bits, exponent_max, rounding, forms,
    )  # fmt: skip
    for r in prange(starts.size):
        row, to = source[starts[r] : starts[r] + channels], places[r]
        place_forms(row, zero, factor, forms, rounding, out_zero, low, high, target[to : to + channels])
