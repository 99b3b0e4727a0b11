"""Layout ops (reshape, permute, slice) carry codes and their meaning unchanged.

`carry` pushes per-index values (scales, zero points, channel groups) through a layout op by applying
the op to an array, so that no op needs its own rule for what becomes of a channel axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op

LAYOUT_OPS = ("reshape", "permute", "slice")


class LayoutOp(Op):
    """Base of the ops that move values and compute nothing."""

    def move(self, array: NDArray[Any]) -> NDArray[Any]:
        """The op on a NumPy array of any dtype."""
        raise TypeError(f"{type(self).__name__} does not state how it moves values")


def carry(
    op: LayoutOp, values: NDArray[np.generic], axis: int | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.generic], int | None]:
    """What per-index values along `axis` of a tensor of `shape` become behind a layout op.

    Returns (values, axis): one value and None when all elements share it, else one per index of the
    one axis along which they vary. Raises IllFormed when they vary along more than one axis.
    """
    if axis is None:
        return values, None
    expanded = [1] * len(shape)
    expanded[axis] = shape[axis]
    full = op.move(np.broadcast_to(values.reshape(expanded), shape))
    varying = [i for i in range(full.ndim) if not (full == full.take([0], axis=i)).all()]
    if not varying:
        return full.reshape(-1)[:1], None
    if len(varying) > 1:
        raise IllFormed(
            "per-channel values would vary along more than one axis",
            got=f"axes {varying} behind {op.name}",
            next_step="quantize the tensor in front of it with one scale",
        )
    index = [0] * full.ndim
    line = full[tuple(slice(None) if i == varying[0] else index[i] for i in range(full.ndim))]
    return line, varying[0]


def check_same_codes(call: Call) -> None:
    """Refuse a layout op whose output stands for other values than its input's codes."""
    op, source, output = call.op, call.inputs[0], call.output
    assert isinstance(op, LayoutOp), op.name
    zero_point, axis = carry(op, np.asarray(source.zero_point), source.axis, source.shape)
    wanted = output.zero_point if output.axis == axis else ()
    # An axis along which all zero points agree may have been written out or not; both mean the same.
    same = tuple(zero_point.tolist()) == wanted or set(output.zero_point) == set(zero_point.tolist()) == {
        output.zero_point[0]
    }
    if (output.bits, output.signed) != (source.bits, source.signed) or not same:
        raise IllFormed(
            "a layout op cannot change the code format",
            where=call.step,
            got=f"{output.bits} bits, zero point {output.zero_point}",
            expected=f"{source.bits} bits, zero point {tuple(zero_point.tolist())}",
        )
