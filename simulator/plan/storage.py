"""Tensors in memory while a Program runs: bytes with an offset, in buffers that later tensors use again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.plan.view import View
from bittrue.spec.tensors import Codes, TensorSpec

ALIGNMENT = 64
SLACK = 64
"""Bytes behind a buffer that a kernel may read: whole words of a row's last run. They are multiplied by 0."""
SIGN = 128


def byte_offset(spec: TensorSpec) -> int:
    """What is added to a code to store it in an unsigned byte, which is what the multipliers' fast side takes."""
    return SIGN if spec.signed and spec.bits <= 8 else 0


@dataclass(frozen=True)
class Stored:
    """A tensor's place. Codes of at most 8 bits are stored as bytes (code + byte_offset), wider ones as they are."""

    spec: TensorSpec
    memory: NDArray[np.uint8]
    """The whole buffer; tensors that share it are the same object's views."""
    view: View
    """In elements of the stored type."""
    border: tuple[int, int] = (0, 0)
    """Rows and columns around an image [1, C, H, W] that hold its zero point."""

    @property
    def data(self) -> NDArray[Any]:
        """The buffer, flat, in the stored type."""
        return self.memory.view(stored_dtype(self.spec))

    @property
    def is_bytes(self) -> bool:
        """Whether the tensor is stored as bytes."""
        return self.spec.bits <= 8

    def read(self) -> Codes:
        """A copy of the codes in the tensor's shape and dtype."""
        codes = np.array(self.view.array(self.data), order="C")  # never the buffer itself: the next run writes there
        if byte_offset(self.spec):
            codes ^= SIGN
            codes = codes.view(np.int8)
        return codes.reshape(self.spec.shape)

    def write(self, codes: Codes) -> None:
        """Store codes of the tensor's shape."""
        stored = codes.astype(np.int8, copy=False).view(np.uint8) ^ SIGN if byte_offset(self.spec) else codes
        place = self.view.array(self.data)
        place[...] = stored.reshape(place.shape)


def stored_dtype(spec: TensorSpec) -> np.dtype[np.integer]:
    """The element type of a tensor's buffer."""
    return np.dtype(np.uint8) if spec.bits <= 8 else spec.dtype


class Pool:
    """Buffers by size; one that its tensors no longer need is handed out again."""

    def __init__(self, *, reuse: bool) -> None:
        self._reuse = reuse
        self._free: list[NDArray[np.uint8]] = []
        self.bytes = 0
        """What all buffers together take."""

    def take(self, size: int) -> NDArray[np.uint8]:
        """At least `size` bytes and the slack, aligned; the smallest free buffer that is not four times too large."""
        needed = -(-(size + SLACK) // ALIGNMENT) * ALIGNMENT
        fitting = [buffer for buffer in self._free if needed <= buffer.size <= 4 * needed]
        if fitting:
            chosen = min(fitting, key=lambda buffer: buffer.size)
            self._free = [buffer for buffer in self._free if buffer is not chosen]
            return chosen
        return self.keep(needed)

    def keep(self, size: int) -> NDArray[np.uint8]:
        """A buffer that is never handed out again."""
        self.bytes += size
        whole = np.zeros(size + SLACK + ALIGNMENT, np.uint8)
        start = -whole.ctypes.data % ALIGNMENT
        return whole[start : start + size + SLACK]

    def give(self, buffer: NDArray[np.uint8]) -> None:
        """Take a buffer back."""
        if self._reuse:
            self._free.append(buffer)
