"""The multiply-accumulate unit alone: `bittrue unit mac`, by the judge."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.accumulator import multiply_accumulate
from bittrue.spec.datapath import Datapath


def run(datapath: Datapath, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stages "register" and "output" of the datapath's MAC; spec/units/mac.py.

    arrays, int64: activations [M, K]; weights [K, N]; bias [N] or [1] (0); activation_zero_point,
    weight_zero_point (0), broadcastable to their operand; activation_bits, weight_bits (8), one value each,
    which only unsigned products read. Returns [M, N].
    """
    return multiply_accumulate(
        datapath.mac,
        arrays["activations"],
        arrays["weights"],
        arrays.get("bias"),
        activation_zero_point=arrays.get("activation_zero_point"),
        weight_zero_point=arrays.get("weight_zero_point"),
        activation_bits=_one(arrays.get("activation_bits"), 8),
        weight_bits=_one(arrays.get("weight_bits"), 8),
    )


def _one(array: Tensor | None, default: int) -> int:
    return default if array is None else int(array.reshape(-1)[0])
