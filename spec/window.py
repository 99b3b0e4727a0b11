"""Sliding windows over an image: the output size that conv2d and avg_pool2d share."""

from __future__ import annotations

from bittrue.spec.errors import IllFormed

Pair = tuple[int, int]
"""(y, x)."""


def window_sides(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width of the output: (size + 2 padding - kernel) // stride + 1 on each axis.

    Raises IllFormed for windows that do not exist or do not fit.
    """
    if min(*kernel, *stride) < 1 or min(padding) < 0:
        raise IllFormed("kernel and stride are >= 1, padding >= 0", got=(kernel, stride, padding))
    height, width = (
        (side + 2 * pad - window) // step + 1
        for side, pad, window, step in zip(size, padding, kernel, stride, strict=True)
    )
    if min(height, width) < 1:
        raise IllFormed("the window is larger than the padded image", got=(kernel, size), expected="an output")
    return height, width
