"""The judge of conv2d: patches of the padded image times the filters; formula in spec/ops/conv2d.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.requantizer import Stages, constant, requantize, zero_points
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, I, H, W] codes -> [1, O, OH, OW] codes, int64."""
    op = call.op
    assert isinstance(op, Conv2d)
    weight = constant(call, "weight")
    grouped = weight.reshape(op.groups, -1, *weight.shape[1:])  # [groups, O/groups, c, ky, kx]
    c_ky_kx = ("c", "ky", "kx")
    order = [2 + c_ky_kx.index(axis) for axis in call.datapath.mac.order]
    filters = grouped.permute(0, *order, 1).flatten(1, 3)  # [groups, K, O/groups]
    patches = _patches(call, op, operands[0]).permute(0, 1, 2, *(1 + axis for axis in order))
    patches = patches.flatten(3).flatten(1, 2)  # [groups, OH*OW, K]
    bias = constant(call, "bias").expand(op.out_channels).reshape(op.groups, 1, -1)
    accumulator = accumulate(call, patches, filters, bias).transpose(1, 2).reshape(call.output.shape)
    return requantize(call, accumulator, 1, stages)


def _patches(call: Call, op: Conv2d, image: Tensor) -> Tensor:
    """What each output position sees of the image, padded with each channel's zero point.

    Returns a view [groups, OH, OW, c, ky, kx].
    """
    _, channels, height, width = image.shape
    (pad_y, pad_x), (step_y, step_x), (kernel_y, kernel_x) = op.padding, op.stride, op.kernel
    padded = zero_points(call.inputs[0]).expand(1, channels, height + 2 * pad_y, width + 2 * pad_x).clone()
    padded[:, :, pad_y : pad_y + height, pad_x : pad_x + width] = image
    seen = padded.unfold(2, kernel_y, step_y).unfold(3, kernel_x, step_x)  # [1, I, OH, OW, kh, kw]
    return seen.reshape(op.groups, channels // op.groups, *seen.shape[2:]).permute(0, 2, 3, 1, 4, 5)
