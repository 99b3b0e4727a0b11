"""Sums and differences of two tensors, for the fast machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.elementwise import in_pieces, on_copies, one_format, paired, place_beside
from bittrue.simulator.plan.elementwise_loops import add_runs
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.view import common_runs
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.add import unit_of
from bittrue.spec.units.add import TwoMultipliersAdd

Bound = Callable[[], object]
WORD_BITS = 16


@dataclass(frozen=True)
class _Factors:
    """Constants of `add_runs`: the multipliers, what is added in front of the shift, and the shift."""

    a: int
    b: int
    offset: int
    shift: int


def bind_add(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """By the default unit codes of at most 16 bits each, by any other one bytes; None for anything else."""
    (a, b), spec, factors = builder.operands(call), call.output, _factors_of(call)
    if not one_format(call, 8 if factors is None else WORD_BITS) or a.spec.shape != b.spec.shape:
        return None
    place = place_beside(builder, spec, a)
    runs = common_runs([a.view, b.view, place.view])
    if runs is None:
        return on_copies(builder, call, place)
    if factors is None:
        return paired(call, a, b, place, runs)
    pieces, (low, high) = in_pieces(runs), (limit + byte_offset(spec) for limit in spec.code_range)
    return partial(
        add_runs,
        a.data,
        pieces.starts[0],
        np.int32(factors.a),
        b.data,
        pieces.starts[1],
        np.int32(factors.b),
        factors.offset,
        factors.shift,
        spec.zero_point[0] + byte_offset(spec),
        low,
        high,
        place.data,
        pieces.starts[2],
        pieces.length,
    )


def _factors_of(call: Call) -> _Factors | None:
    """None where the unit is another one, or a sum in between is not proved to fit 63 bits."""
    unit = unit_of(call.datapath)
    if not isinstance(unit, TwoMultipliersAdd) or unit.shifted_bits or unit.rounding is not Rounding.HALF_UP:
        return None
    shift = int(call.constants["shift"][0])
    a, b = (int(call.constants[name][0]) for name in ("multiplier_a", "multiplier_b"))
    if call.op.name == "sub":
        b = -b
    if max(abs(a), abs(b)) >= 1 << 31 or shift < 1:
        return None
    zeros = [spec.zero_point[0] + byte_offset(spec) for spec in call.inputs]
    offset = (1 << (shift - 1)) - sum(m * z for m, z in zip((a, b), zeros, strict=True))
    stored_max = 1 << max(8, *(spec.bits for spec in call.inputs))
    if any(abs(m) * stored_max + abs(offset) >= 1 << 61 for m in (a, b)):
        return None
    return _Factors(a, b, offset, shift)
