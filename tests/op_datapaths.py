"""Datapaths that op tests run through: the default one and variants of each field that changes a bit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath

IOT_NPU_FILE = Path(__file__).parents[1] / "hw_configs" / "datapaths" / "iot_npu.toml"


def datapath(changes: Mapping[str, object] | None = None) -> Datapath:
    """The default datapath with some keys changed, e.g. {"mac.accumulator_bits": 12}."""
    document = tomllib.loads(IOT_NPU_FILE.read_text(encoding="utf-8"))
    for key, value in (changes or {}).items():
        section, _, field = key.rpartition(".")
        (document[section] if section else document)[field] = value
    return Datapath.model_validate(document)


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
    **{mode: datapath({"requantization.rounding": mode}) for mode in map(str, Rounding)},
    "gemmlowp": datapath({"requantization.second_rounding": "half_away"}),
    "twice, half even then floor, at 24": datapath(
        {
            "requantization.rounding": "half_even",
            "requantization.second_rounding": "floor",
            "requantization.first_shift": 24,
        }
    ),
    "twice, but for the ops that round once": datapath(
        {"requantization.second_rounding": "half_even", "requantization.single_rounding_ops": ["linear", "mean", "mul"]}
    ),
    "all ops but the default half even": datapath(
        {
            "requantization.rounding": "floor",
            "requantization.rounding_of": dict.fromkeys(
                (
                    "add",
                    "avg_pool2d",
                    "concat",
                    "conv2d",
                    "group_norm",
                    "layer_norm",
                    "linear",
                    "matmul",
                    "mean",
                    "mul",
                    "softmax",
                    "weighted_sum",
                ),
                "half_even",
            ),
        }
    ),
}
"""Every mode for every operator, two roundings, and a default that no operator follows."""
