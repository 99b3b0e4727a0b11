"""mean alone: `bittrue unit mean`, by the judge; spec/units/mean.py. The float32 kind serves the op as well."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.accumulator import multiply_accumulate
from bittrue.golden.fixed import clamp
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.golden.units.requantize import requantized
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.mean import Float32Mean


def run(datapath: Datapath, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rows of codes to one code each.

    arrays, int64: codes [rows, n]; zero_point_x and what the requantizer (or kind float32) reads, [rows] or one
    value. Returns "accumulator", the stages behind it and "output", all [rows].
    """
    codes = arrays["codes"]
    if isinstance(datapath.mean, Float32Mean):
        total = _sum(datapath.mac, codes)
        rounded = scaled_sum(
            total,
            count=codes.shape[1],
            zero_point_x=arrays["zero_point_x"],
            scale=arrays["scale"],
            zero_point=arrays["zero_point"],
        )
        output = clamp(rounded, arrays["low"], arrays["high"])
        return of_one_shape({"accumulator": total, "rounded": rounded, "output": output})
    total = _sum(datapath.mac, codes - arrays["zero_point_x"].reshape(-1, 1))
    return of_one_shape({"accumulator": total, **requantized(datapath.requantizer("mean"), total, arrays)})


def scaled_sum(total: Tensor, *, count: int, zero_point_x: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """`rounded` of kind float32, the output's zero point in it.

    total: int64, the sum of `count` raw codes. scale: bits of a float32. The others int64; all broadcast.
    Returns int64 within int32.
    """
    factor = scale.to(torch.int32).view(torch.float32)
    bias = zero_point.to(torch.float32) - (zero_point_x * count).to(torch.float32) * factor
    value = torch.round(total.to(torch.float32) * factor + bias)  # torch rounds after each operation and fuses none
    return value.to(torch.float64).clamp(-(2**31), 2**31 - 1).to(torch.int64)  # float64 holds every int32


def _sum(mac: Mac, rows: Tensor) -> Tensor:
    """[rows, n] -> [rows], through the accumulator. A mean multiplies nothing: no register is read as unsigned."""
    ones = torch.ones(rows.shape[1], 1, dtype=torch.int64)
    return multiply_accumulate(mac.model_copy(update={"products": "signed"}), rows, ones)["output"].squeeze(1)
