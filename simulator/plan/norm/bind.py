"""Binds layer_norm and group_norm to the kernels of this folder where their proofs hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import FLOOR, ROUNDING_CODES
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.norm.mantissa import bind_fq_vit
from bittrue.simulator.plan.norm.rows import BLOCK, group_rows, layer_rows
from bittrue.simulator.plan.norm.statistics import KINDS, ROW_MAX
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.spec.arithmetic import INT64_LIMIT, Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.row_norm import RowNorm, unit_of
from bittrue.spec.units.norm import ExactNorm, FqVitNorm, IbertNorm, IvitNorm, NormUnit, RsqrtTableNorm
from bittrue.spec.units.section import Width

Bound = Callable[[], object]
Integers = NDArray[np.int64]


def bind_norm(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Codes of at most 16 bits into bytes, rows of channels that lie side by side, one group; None for any other."""
    (source,), grouped = builder.operands(call), isinstance(call.op, GroupNorm)
    axis = 1 if grouped else len(call.output.shape) - 1
    if grouped and cast(GroupNorm, call.op).groups != 1:
        return None
    if source.spec.bits > 16 or call.output.bits > 8 or source.view.run(axis) != 1:
        return None
    if call.output.shape[axis] > ROW_MAX or unit_of(call.datapath).statistics_overflow == "saturate":
        return None
    if isinstance(unit_of(call.datapath), FqVitNorm):
        return bind_fq_vit(builder, call, source, axis) if source.is_bytes else None
    return _bind_affine(builder, call, source, axis)


def _bind_affine(builder: Builder, call: Call, source: Stored, axis: int) -> Bound | None:
    """The kinds that end in gamma and beta."""
    unit, spec, constants, affine = unit_of(call.datapath), call.output, constants_of(call), affine_of(call)
    if constants is None or affine is None or len(set(spec.zero_point)) > 1:
        return None
    wraps = unit.statistics_overflow == "wrap"
    registers = np.array([unit.sum_bits, unit.sum_of_squares_bits] if wraps else [0, 0], np.int64)
    rounding = ROUNDING_CODES[unit.rounding]
    place = builder.place_like(spec, source.view, axis)
    others = [index for index in range(len(spec.shape)) if index != axis]
    low, high = (limit + byte_offset(spec) for limit in spec.code_range)
    return partial(
        group_rows if isinstance(call.op, GroupNorm) else layer_rows,
        source.data,
        source.view.offsets(others),
        spec.shape[axis],
        byte_offset(source.spec),
        KINDS[unit.kind],
        registers,
        constants,
        np.array(call.constants.get("table", 0), np.int64).reshape(-1),
        *affine,
        rounding,
        FLOOR if isinstance(unit, IbertNorm | IvitNorm) else rounding,
        spec.zero_point[0] + byte_offset(spec),
        low,
        high,
        place.data,
        place.view.offsets(others),
        np.zeros((builder.threads, 4, BLOCK), np.int64),
    )


def constants_of(call: Call) -> Integers | None:
    """What `row_scale` takes of the step and its unit; None where the unit shifts codes before the statistics."""
    unit = unit_of(call.datapath)

    def value(name: str) -> int:
        return int(call.constants[name][0])

    if isinstance(unit, ExactNorm | RsqrtTableNorm) and value("pre_shift"):
        return None
    if isinstance(unit, ExactNorm):
        found = [unit.fraction_bits, value("epsilon"), value("root_shift"), value("reciprocal_bits")]
    elif isinstance(unit, RsqrtTableNorm):
        found = [unit.fraction_bits, value("epsilon")]
        found += [unit.table_bits, unit.estimate_bits, unit.operand_bits, unit.steps]
    elif isinstance(unit, IbertNorm) and not value("variance_shift"):
        found = [unit.fraction_bits, ROUNDING_CODES[unit.mean_rounding]]
    elif isinstance(unit, IvitNorm):
        found = [unit.fraction_bits, ROUNDING_CODES[unit.mean_rounding], unit.start_bits, unit.steps]
    else:
        return None
    return np.array(found, np.int64)


def affine_of(call: Call) -> tuple[Integers, Integers, int] | None:
    """Multipliers and offsets a channel with one shift for all; None where that would need more than 63 bits."""
    unit, axis = unit_of(call.datapath), cast(RowNorm, call.op).channel_axis(call.output.shape)
    channels = call.output.shape[axis]
    multiplier, offset, shift = (
        np.broadcast_to(call.constants[name], (channels,)).astype(object) for name in ("multiplier", "bias", "shift")
    )
    largest = int(shift.max())
    if unit.rounding is Rounding.TOSA_DOUBLE and int(shift.min()) != largest:
        return None  # the rule depends on the shift itself
    multiplier, offset = multiplier << (largest - shift), offset << (largest - shift)
    reach = _normalized_max(unit, call) * int(abs(multiplier).max()) + int(abs(offset).max())
    if reach + (1 << (largest - 1)) + (1 << 31) >= INT64_LIMIT:
        return None
    return multiplier.astype(np.int64), offset.astype(np.int64), largest


def _normalized_max(unit: NormUnit, call: Call) -> int:
    n = cast(RowNorm, call.op).row_length(call.output.shape)
    return unit.normalized_max(Width(call.inputs[0].bits, call.inputs[0].signed), n, call.constants)
