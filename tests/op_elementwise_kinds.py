"""Datapaths with each kind of activation, add, mean, pooling and concat unit: `iot_npu` with another section.

For tests that run ops of those units. Builders of cases stand in op_cases and activation_cases; a case of an
activation takes the example of the datapath's name: activation_case(rng, ACTIVATIONS[name], example=name).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from activation_units import EXAMPLES
from op_datapaths import datapath

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.pool import Division


def _section(name: str, fields: Mapping[str, object], changes: Mapping[str, object] | None = None) -> Datapath:
    """The default datapath with one section replaced, and keys of other sections changed."""
    return datapath({name: dict(fields), **(changes or {})})


ACTIVATIONS: dict[str, Datapath] = {
    name: _section("activation", {example.function: example.unit.model_dump(mode="json")})
    for name, example in EXAMPLES.items()
}
"""By example of activation_units; every kind occurs."""

_TWO_MULTIPLIERS = {"kind": "two_multipliers", "multiplier_bits": 31, "shift_max": 62}
_RESCALE = {"kind": "rescale", "rounding": "half_up"}
_POWER_OF_TWO = {"kind": "power_of_two", "left_shift_max": 20, "shift_max": 31, "accumulator_bits": 40}
ADDS: dict[str, Datapath] = {
    **{f"two_multipliers, {mode}": _section("add", {**_TWO_MULTIPLIERS, "rounding": mode.value}) for mode in Rounding},
    "two_multipliers of XNNPACK": _section(
        "add",
        {
            "kind": "two_multipliers", "multiplier_bits": 21, "ratios": "float32", "shift_min": 13, "shift_max": 30,
            "shifted_bits": 16, "rounding": "half_up",
        },
    ),
    "two_multipliers of 8 bits into 8": _section(
        "add", {**_TWO_MULTIPLIERS, "multiplier_bits": 8, "shifted_bits": 8, "rounding": "half_even"}
    ),
    "rescale": _section("add", _RESCALE),
    "rescale of TFLite": _section("add", {**_RESCALE, "second_rounding": "half_away"}),
    "rescale of TOSA, single": _section("add", {**_RESCALE, "lift": "multiplier", "shift_min": 2}),
    "rescale of TOSA, double": _section("add", {**_RESCALE, "shift_min": 2, "rounding": "tosa_double"}),
    "rescale, floor then half even": _section(
        "add", {**_RESCALE, "shift_min": 20, "rounding": "floor", "second_rounding": "half_even"}
    ),
    "float32": _section("add", {"kind": "float32"}),
    **{f"power_of_two, {mode}": _section("add", {**_POWER_OF_TWO, "rounding": mode.value}) for mode in Rounding},
}  # fmt: skip
"""Every kind of add unit."""

_SATURATING = {"mac.accumulator_bits": 12, "mac.overflow": "saturate"}
_WRAPPING = {"mac.accumulator_bits": 10, "mac.overflow": "wrap", "mac.k_tile": 3}
MEANS: dict[str, Datapath] = {
    "folded": _section("mean", {"kind": "folded"}),
    "folded, float32 requantizer": _section(
        "mean", {"kind": "folded", "reciprocal": "float32"}, {"requantization.kind": "float32"}
    ),
    "folded, zero point before rounding": _section(
        "mean",
        {"kind": "folded", "reciprocal": "float32"},
        {"requantization.kind": "float32", "requantization.zero_point": "before_rounding"},
    ),
    "folded, truncated": _section(
        "mean", {"kind": "folded", "reciprocal": "truncated"}, {"requantization.of": {"mean": {"normalized": False}}}
    ),
    "float32": _section("mean", {"kind": "float32"}),
    "float32, saturate12": _section("mean", {"kind": "float32"}, _SATURATING),
    "float32, wrap10 in tiles": _section("mean", {"kind": "float32"}, _WRAPPING),
    "float32, output 10": _section("mean", {"kind": "float32"}, {"mac.output_bits": 10}),
}
"""Every kind of mean unit, on accumulators that overflow as well."""

POOLS: dict[str, Datapath] = {
    "folded": _section("avg_pool2d", {"kind": "folded"}),
    **{f"divide, {mode}": _section("avg_pool2d", {"kind": "divide", "rounding": mode}) for mode in get_args(Division)},
    "divide, saturate12": _section("avg_pool2d", {"kind": "divide", "rounding": "half_away"}, _SATURATING),
    "divide, wrap10 in tiles": _section("avg_pool2d", {"kind": "divide", "rounding": "half_even"}, _WRAPPING),
    "reciprocal": _section("avg_pool2d", {"kind": "reciprocal"}),
    "reciprocal, saturate12": _section("avg_pool2d", {"kind": "reciprocal"}, _SATURATING),
    "reciprocal, wrap10 in tiles": _section("avg_pool2d", {"kind": "reciprocal"}, _WRAPPING),
}
"""Every kind of pooling unit, on accumulators that overflow as well."""

CONCATS: dict[str, Datapath] = {kind: _section("concat", {"kind": kind}) for kind in ("requantize", "copy", "table")}
"""Every kind of concat."""
