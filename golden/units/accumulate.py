"""The accumulator alone: `bittrue unit accumulate`, by the judge."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.accumulator import accumulate_addends
from bittrue.spec.datapath import Datapath


def run(datapath: Datapath, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stages "register" and "output" of the datapath's accumulator; spec/units/mac.py.

    arrays, int64: addends [rows, K], one a tile; bias, initial, pre_shift [rows] or [1], 0 where absent.
    Returns [rows].
    """
    return accumulate_addends(
        datapath.mac, arrays["addends"], arrays.get("bias"), arrays.get("initial"), arrays.get("pre_shift")
    )
