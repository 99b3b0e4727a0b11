"""The judge of conv2d: patches of the padded image times the filters; formula in spec/ops/conv2d.py."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from bittrue.golden.accumulator import accumulate, in_order
from bittrue.golden.multiplier import activation, padding, weights
from bittrue.golden.requantizer import Stages, constant, requantize
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.units.mac import Mac


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, I, H, W] codes -> [1, O, OH, OW] codes, int64."""
    op = call.op
    assert isinstance(op, Conv2d)
    weight, tiles = weights(call), None
    filters = weight.reshape(op.groups, op.out_channels // op.groups, -1)  # [groups, n, K]
    patches = _patches(call, op, activation(call, operands, 0))  # [groups, OH * OW, K]
    if in_order(call):
        order, tiles = reduction(call.datapath.mac, weight.shape[1], op.kernel)
        filters, patches = filters[..., order], patches[..., order]
    bias = constant(call, "bias").expand(op.out_channels).reshape(op.groups, 1, -1)
    accumulator = (
        accumulate(call, patches, filters.transpose(1, 2), bias, tiles).transpose(1, 2).reshape(call.output.shape)
    )
    return requantize(call, accumulator, 1, stages)


def reduction(mac: Mac, channels: int, kernel: tuple[int, int]) -> tuple[Tensor, list[int] | None]:
    """The order of the products and the lengths of their tiles.

    channels: of one group. Returns int64 [K], the places of the products in a row-major (c, ky, kx), as the
    machine walks them; and the tiles' lengths, None where they are k_tile each.
    """
    sizes = {"c": channels, "ky": kernel[0], "kx": kernel[1]}

    def place(at: dict[str, int]) -> int:
        return (at["c"] * kernel[0] + at["ky"]) * kernel[1] + at["kx"]

    if "c_tile" not in mac.order:
        walk = product(*(range(sizes[axis]) for axis in mac.order))
        return torch.tensor([place(dict(zip(mac.order, at, strict=True))) for at in walk]), None
    blocks = [range(first, min(first + mac.k_tile, channels)) for first in range(0, channels, mac.k_tile)]
    sizes["c_tile"] = len(blocks)
    outer: tuple[str, ...] = mac.order[:-1]  # the innermost loop is c, over the channels of a block
    places, tiles = [], []
    for position in product(*(range(sizes[axis]) for axis in outer)):
        at = dict(zip(outer, position, strict=True))
        block = blocks[at["c_tile"]]
        places += [place({**at, "c": channel}) for channel in block]
        tiles.append(len(block))
    return torch.tensor(places), tiles


def _patches(call: Call, op: Conv2d, image: Tensor) -> Tensor:
    """What each output position sees of the image, [groups, OH * OW, c * ky * kx]; row-major (c, ky, kx)."""
    _, channels, height, width = image.shape
    (pad_y, pad_x), (step_y, step_x), (kernel_y, kernel_x) = op.padding, op.stride, op.kernel
    padded = padding(call).expand(1, channels, height + 2 * pad_y, width + 2 * pad_x).clone()
    padded[:, :, pad_y : pad_y + height, pad_x : pad_x + width] = image
    seen = padded.unfold(2, kernel_y, step_y).unfold(3, kernel_x, step_x)  # [1, I, OH, OW, ky, kx]
    grouped = seen.reshape(op.groups, channels // op.groups, *seen.shape[2:]).permute(0, 2, 3, 1, 4, 5)
    return grouped.flatten(3).flatten(1, 2)
