"""Fake quantization in torch: reals rounded to what codes can say, without gradients.

real = scale * (code - zero_point), code = clamp(round(real / scale) + zero_point, low, high), rounding half to even;
the integer machine rounds requantized sums half up, which differs on exact ties only.
"""

from __future__ import annotations

import torch

from bittrue.calibration.plan import TensorPlan
from bittrue.spec.arithmetic import code_range


@torch.no_grad()
def fake_quantize(x: torch.Tensor, scale: torch.Tensor, zero_point: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Quantize and dequantize; scale and zero_point broadcast against x. One copy is made and changed in place, for
    this is where calibration spends its time."""
    codes = torch.div(x, scale).round_()
    if zero_point.numel() == 1:
        codes.clamp_(low - float(zero_point), high - float(zero_point))
    else:
        codes.clamp_(low - zero_point, high - zero_point)
    return codes.mul_(scale)


def along(values: torch.Tensor, axis: int | None, rank: int) -> torch.Tensor:
    """Values of shape [n] laid along one axis of a tensor of some rank, or [] for axis None."""
    if axis is None:
        return values.reshape(-1)[0]
    return values.reshape([-1 if index == axis else 1 for index in range(rank)])


def fake_quantize_like(x: torch.Tensor, plan: TensorPlan) -> torch.Tensor:
    """A batch [images, *shape] of a tensor as its plan's codes say it."""
    low, high = code_range(plan.bits, signed=True)
    axis = None if plan.axis is None else plan.axis + 1
    scale, zero_point = (
        along(torch.tensor(values, dtype=x.dtype), axis, x.ndim) for values in (plan.scale, plan.zero_point)
    )
    if plan.region_shift:
        low, high = code_range(plan.bits - plan.region_shift, signed=True)
        coarse = scale * 2**plan.region_shift
        return torch.where(
            x < 0, fake_quantize(x, scale, zero_point, low, 0), fake_quantize(x, coarse, zero_point, 0, high)
        )
    return fake_quantize(x, scale, zero_point, low, high)


def fake_quantize_weight(
    weight: torch.Tensor, scale: torch.Tensor, bits: int, factor: torch.Tensor | None = None
) -> torch.Tensor:
    """Symmetric weights [O, ...] with a scale a row, [O] or [1].

    factor: what a per-channel input folds into the weights before they are rounded, of a shape that broadcasts
    against them; it is taken out again, so that the result works on real inputs.
    """
    top = (1 << (bits - 1)) - 1
    rows = scale.reshape(-1, *[1] * (weight.ndim - 1))
    folded = weight if factor is None else weight * factor
    found = fake_quantize(folded, rows, torch.zeros((), dtype=weight.dtype), -top, top)
    return found if factor is None else found / factor
