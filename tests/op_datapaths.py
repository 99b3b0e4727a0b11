"""Datapaths that op tests run through: the default one and variants of each field that changes a bit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import get_args

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.requantization import RequantizingOp

IOT_NPU_FILE = Path(__file__).parents[1] / "hw_configs" / "datapaths" / "iot_npu.toml"


def datapath(changes: Mapping[str, object] | None = None) -> Datapath:
    """The default datapath with some keys changed, e.g. {"mac.accumulator_bits": 12}."""
    document = tomllib.loads(IOT_NPU_FILE.read_text(encoding="utf-8"))
    for key, value in (changes or {}).items():
        *sections, field = key.split(".")
        section = document
        for name in sections:
            section = section.setdefault(name, {})
        section[field] = value
    return Datapath.model_validate(document)


def rounding(mode: str) -> dict[str, object]:
    """The same rule in every unit that has one."""
    return {f"{unit}.rounding": mode for unit in ("requantization", "add", "softmax", "norm")}


IOT_NPU = datapath()
NARROW = {
    f"{overflow}{bits}": datapath({"mac.accumulator_bits": bits, "mac.overflow": overflow})
    for overflow in ("wrap", "saturate")
    for bits in (8, 12, 16)
}
"""Accumulators that small cases overflow."""
ORDERS = {
    f"{overflow} {'-'.join(order)} {bias}": datapath(
        {"mac.accumulator_bits": 12, "mac.overflow": overflow, "mac.order": order, "mac.bias": bias}
    )
    for overflow, order, bias in (
        ("saturate", ("ky", "kx", "c"), "last"),
        ("saturate", ("ky", "c", "kx"), "first"),
        ("saturate", ("kx", "ky", "c"), "last"),
        ("saturate", ("kx", "c", "ky"), "first"),
        ("saturate", ("c", "ky", "kx"), "last"),
        ("saturate", ("c", "kx", "ky"), "first"),
        ("wrap", ("c", "kx", "ky"), "last"),
    )
}
"""Every order of accumulation, the bias first and last."""
TILED = {
    f"saturate {'-'.join((*outer, 'c'))} by {k_tile} {bias}": datapath(
        {
            "mac.accumulator_bits": 12,
            "mac.overflow": "saturate",
            "mac.order": (*outer, "c"),
            "mac.k_tile": k_tile,
            "mac.bias": bias,
        }
    )
    for outer, k_tile, bias in (
        *((outer, 3, "first") for outer in permutations(("c_tile", "ky", "kx"))),
        (("c_tile", "ky", "kx"), 2, "last"),
        (("ky", "kx"), 3, "last"),
        (("kx", "ky"), 5, "first"),
        (("ky", "kx"), 1000, "first"),
    )
}
"""Saturation after each tile, in every order of blocks of channels and in rows cut every k_tile products."""
ADDERS = {
    f"{adder}{adder_bits} into {overflow}{bits}, by {k_tile}": datapath(
        {
            "mac.accumulator_bits": bits,
            "mac.overflow": overflow,
            "mac.k_tile": k_tile,
            "mac.adder_bits": adder_bits,
            "mac.adder_overflow": adder,
        }
    )
    for adder, adder_bits, overflow, bits, k_tile in (
        ("wrap", 12, "wrap", 12, 3),
        ("wrap", 13, "exact", 20, 2),
        ("wrap", 11, "saturate", 14, 4),
        ("wrap", 14, "saturate_at_end", 12, 3),
        ("saturate", 12, "wrap", 12, 3),
        ("saturate", 13, "exact", 32, 1000),
        ("saturate", 12, "saturate", 13, 4),
        ("saturate", 11, "saturate_at_end", 16, 1),
        ("saturate", 12, "refuse", 32, 3),
    )
}
"""Sums inside a tile that are narrower or wider than the accumulator behind them."""
SPILLS = {
    f"{overflow}{bits}, spilled to {spill}{spill_bits} every {k_tile}, {bias}": datapath(
        {
            "mac.accumulator_bits": bits,
            "mac.overflow": overflow,
            "mac.k_tile": k_tile,
            "mac.spill_bits": spill_bits,
            "mac.spill_overflow": spill,
            "mac.bias": bias,
        }
    )
    for overflow, bits, spill, spill_bits, k_tile, bias in (
        ("exact", 32, "wrap", 13, 4, "first"),
        ("wrap", 16, "saturate", 12, 3, "last"),
        ("saturate", 16, "wrap", 12, 5, "first"),
        ("saturate_at_end", 12, "saturate", 14, 2, "last"),
    )
}
"""Partial sums that are kept between tiles in fewer bits."""
ENDS = {
    "saturate at end": datapath({"mac.accumulator_bits": 12, "mac.overflow": "saturate_at_end"}),
    "saturate at end, bias last": datapath(
        {"mac.accumulator_bits": 10, "mac.overflow": "saturate_at_end", "mac.bias": "last"}
    ),
    "exact": datapath({"mac.accumulator_bits": 8, "mac.overflow": "exact"}),
    "output 10 of 32": datapath({"mac.output_bits": 10}),
    "output 9 of saturating 14": datapath(
        {"mac.accumulator_bits": 14, "mac.overflow": "saturate", "mac.output_bits": 9}
    ),
}
"""Rules for a finished sum."""
SUBTRACTED = {
    "subtracted": datapath({"mac.zero_point": "subtracted"}),
    "subtracted, saturate12": datapath(
        {"mac.zero_point": "subtracted", "mac.accumulator_bits": 12, "mac.overflow": "saturate"}
    ),
}
"""Zero points subtracted in front of the multiplier."""
UNSIGNED = {
    "unsigned": datapath({"mac.products": "unsigned"}),
    "unsigned, wrap16": datapath({"mac.products": "unsigned", "mac.accumulator_bits": 16, "mac.overflow": "wrap"}),
    "unsigned, saturate16": datapath(
        {"mac.products": "unsigned", "mac.accumulator_bits": 16, "mac.overflow": "saturate"}
    ),
}
"""Multipliers that read signed registers as unsigned ones. matmul and weighted_sum need zero points of 0 here."""
WIDE = {
    "wrap48": datapath(
        {"mac.accumulator_bits": 48, "mac.overflow": "wrap", "requantization.multiplier_bits": 14, "mac.bias_bits": 48}
    ),
    "refuse40 bias last": datapath(
        {"mac.accumulator_bits": 40, "mac.bias": "last", "requantization.multiplier_bits": 16}
    ),
    "8-bit multiplier, shift to 20": datapath({"requantization.multiplier_bits": 8, "requantization.shift_max": 20}),
}
ROUNDINGS = {
    **{mode: datapath(rounding(mode)) for mode in map(str, Rounding)},
    "gemmlowp": datapath({"requantization.second_rounding": "half_away"}),
    "twice, half even then floor, at 24": datapath(
        {
            "requantization.rounding": "half_even",
            "requantization.second_rounding": "floor",
            "requantization.first_shift": 24,
        }
    ),
    "twice, but for the ops that round once": datapath(
        {
            "requantization.second_rounding": "half_even",
            **{f"requantization.of.{op}.second_rounding": "none" for op in ("linear", "mean", "mul")},
        }
    ),
    "all ops but the default half even": datapath(
        {
            **rounding("half_even"),
            "requantization.rounding": "floor",
            **{f"requantization.of.{op}.rounding": "half_even" for op in get_args(RequantizingOp)},
        }
    ),
}
"""Every mode for every operator, two roundings, and a default that no operator follows."""
REGISTERS = {
    "26 in, 35 product, 34 wrapped": datapath(
        {
            "requantization.multiplier_bits": 8,
            "requantization.shift_min": 0,
            "requantization.input_bits": 12,
            "requantization.product_bits": 18,
            "requantization.shifted_bits": 8,
            "requantization.shifted_overflow": "wrap",
            "requantization.placed_bits": 9,
        }
    ),
    "saturated to 7, zero from 20": datapath(
        {
            "requantization.multiplier_bits": 15,
            "requantization.rounding": "half_away",
            "requantization.shift_zero_from": 20,
            "requantization.shifted_bits": 7,
        }
    ),
    "gemmlowp in narrow registers": datapath(
        {
            "requantization.multiplier_bits": 15,
            "requantization.first_shift": 15,
            "requantization.second_rounding": "half_away",
            "requantization.lifted_bits": 14,
            "requantization.high_bits": 12,
        }
    ),
    "zero point after saturation": datapath({"requantization.zero_point": "after_saturation"}),
}
"""Registers inside the requantizer that change what passes."""
FLOAT32 = {
    "float32": datapath({"requantization.kind": "float32"}),
    "float32, zero point after saturation": datapath(
        {"requantization.kind": "float32", "requantization.zero_point": "after_saturation"}
    ),
    "float32, zero point before rounding": datapath(
        {"requantization.kind": "float32", "requantization.zero_point": "before_rounding"}
    ),
    "float32 for linear and conv2d only": datapath(
        {f"requantization.of.{op}.kind": "float32" for op in ("conv2d", "linear")}
    ),
}
"""float32 scales."""
SHIFTS = {
    "shift": datapath({"requantization.kind": "shift", "requantization.shift_min": 0}),
    "shift, floor": datapath({"requantization.kind": "shift", "requantization.rounding": "floor"}),
}
"""Scales that are powers of two."""
THRESHOLDS = {
    "thresholds": datapath({"requantization.kind": "thresholds"}),
    "thresholds, saturate12": datapath(
        {"requantization.kind": "thresholds", "mac.accumulator_bits": 12, "mac.overflow": "saturate"}
    ),
}
"""Thresholds in place of a multiplier; a program's outputs have zero point 0 there only if lowering says so."""
MACS = {**NARROW, **ORDERS, **TILED, **ADDERS, **SPILLS, **ENDS, **SUBTRACTED, **UNSIGNED}
"""Everything that changes a sum."""
REQUANTIZERS = {**ROUNDINGS, **REGISTERS, **FLOAT32, **SHIFTS, **THRESHOLDS}
"""Everything that changes what the requantizer makes of it."""
EVERY = {"iot_npu": IOT_NPU, **MACS, **REQUANTIZERS, **WIDE}
