"""Binds softmax to the kernels of this folder where their proofs hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bittrue.simulator.fixed import HALF_AWAY, round_shift
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.softmax.distances import planes_of, stage_of
from bittrue.simulator.plan.softmax.gemmlowp import gemmlowp_rows
from bittrue.simulator.plan.softmax.ita import ita_rows
from bittrue.simulator.plan.softmax.powers import divisors_of, power_rows
from bittrue.simulator.plan.softmax.rows import BLOCK, Integers, RowPlaces
from bittrue.simulator.plan.softmax.scaled import Scale, scaled_rows
from bittrue.simulator.plan.softmax.table import is_vector_table, table_rows
from bittrue.simulator.plan.softmax.unnormalised import exponential_rows
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.units.softmax.ita import octaves
from bittrue.spec.op import Call
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.units.softmax import (
    GemmlowpSoftmax,
    IbertSoftmax,
    ItaSoftmax,
    IvitSoftmax,
    SoftmaxUnit,
    TableSoftmax,
    UnnormalisedSoftmax,
)
from bittrue.spec.units.softmax.log2 import Log2Softmax

Bound = Callable[[], object]
SUM_LIMIT = 1 << 60


def bind_softmax(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Bytes of logits to at most 16 bits, through any kind of unit whose sums stay below 2**60; None for any other."""
    (source,), unit = builder.operands(call), unit_of(call.datapath)
    if not source.is_bytes or call.output.bits > 16:
        return None
    if isinstance(unit, ItaSoftmax | UnnormalisedSoftmax):
        kernel, constants = _by_distance(call, unit)
    else:
        exponentials = stage_of(call, "exponential")
        if int(exponentials.max()) * call.output.shape[-1] >= SUM_LIMIT:
            return None
        kernel, constants = _by_sum(call, unit, exponentials, builder.threads)
    return partial(kernel, *RowPlaces.of(builder, source, call.output).arguments, *constants)


def _by_sum(
    call: Call, unit: SoftmaxUnit, exponentials: Integers, threads: int
) -> tuple[Callable[..., object], tuple[object, ...]]:
    """The kernel and its constants, for the kinds whose sum is that of exponentials."""
    stored = byte_offset(call.output)
    if isinstance(unit, GemmlowpSoftmax):
        terms = np.array([round_shift(value, 12, HALF_AWAY) for value in exponentials.tolist()], np.int64)
        lowest = call.output.code_range[0] + stored
        return gemmlowp_rows, (exponentials, terms, planes_of(terms), unit.output_bits, lowest)
    planes = planes_of(exponentials)
    if isinstance(unit, Log2Softmax):
        least = 1 if unit.past_the_end == "last" else 0
        return power_rows, (exponentials, planes, *divisors_of(exponentials), unit.last, least)
    if isinstance(unit, TableSoftmax) and is_vector_table(unit):
        left = 32 - (unit.reciprocal_bits - unit.probability_bits)
        both = np.concatenate([planes, np.zeros(512 - planes.size, np.uint8)])
        rows = np.zeros((threads, 2, BLOCK), np.int64)
        return table_rows, (both, unit.reciprocal_bits, left, (1 << unit.probability_bits) - 1, rows)
    assert isinstance(unit, TableSoftmax | IbertSoftmax | IvitSoftmax), unit.kind
    scale = Scale.of(unit)
    constants = scale.limit, scale.numerator, scale.shift, scale.rounding, scale.top, stored
    return scaled_rows, (exponentials, planes, *constants)


def _by_distance(
    call: Call, unit: ItaSoftmax | UnnormalisedSoftmax
) -> tuple[Callable[..., object], tuple[object, ...]]:
    """The kernel and its constants, for the kinds that need no table of exponentials of their own."""
    if isinstance(unit, UnnormalisedSoftmax):
        return exponential_rows, (stage_of(call, "output").astype(np.uint16),)
    by_distance = np.array([octaves(distance, unit.octave_shift) for distance in range(256)], np.int64)
    full = ((1 << unit.output_bits) - 1) << unit.exponential_bits
    ones = np.int64(1 << unit.exponential_bits) >> by_distance
    return ita_rows, (by_distance, ones, planes_of(ones), unit.group_width, full)
