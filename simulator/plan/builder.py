"""What a binder is given: where the operands lie, and buffers for its results. For authors of binders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import thread_limit
from bittrue.simulator.plan.storage import Pool, Stored, byte_offset, stored_dtype
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.program import Program
from bittrue.spec.tensors import TensorSpec


class Builder:
    """Places of the tensors of one Program, given out step by step."""

    def __init__(self, program: Program, *, keep_all: bool) -> None:
        """keep_all: every tensor keeps a buffer of its own until the next run."""
        self.program = program
        self.keep_all = keep_all
        self.threads = thread_limit()
        self.pool = Pool(reuse=not keep_all)
        self.places: dict[str, Stored] = {}
        self._readers = Counter(name for step in program.steps for name in set(step.inputs))
        self._next = {spec.name: call for call in program.calls for spec in call.inputs}
        self._borders = _borders(program)
        self._sharers: dict[int, set[str]] = {}
        self._lasting: set[int] = set()
        for name in (*program.inputs, program.output):
            self._readers[name] += 1
        self._scratch: dict[type, NDArray[np.integer]] = {}

    def operands(self, call: Call) -> tuple[Stored, ...]:
        """Places of a step's inputs."""
        return tuple(self.places[spec.name] for spec in call.inputs)

    def place(self, spec: TensorSpec, view: View) -> Stored:
        """A new buffer for a tensor in the order of `view`, whose base is 0 and which leaves no gaps."""
        memory = self.pool.take(spec.size * stored_dtype(spec).itemsize)
        return self._put(Stored(spec, memory, view))

    def place_image(self, spec: TensorSpec) -> Stored:
        """A new buffer for [1, C, H, W] with channels innermost and the border that its readers pad it with."""
        _, channels, height, width = spec.shape
        py, px = self._borders.get(spec.name, (0, 0))
        pitch = (width + 2 * px) * channels
        if not (py or px):
            return self.place(spec, View.dense(spec.shape, (0, 2, 3, 1)))
        axes = (((1, 1),), ((channels, 1),), ((height, pitch),), ((width, channels),))
        size = (height + 2 * py) * pitch
        memory = self.pool.keep(size)  # the border is written once, so nothing else may use it
        zero = np.array(spec.zero_point, np.int64) + byte_offset(spec)
        memory[:size].reshape(-1, channels)[...] = np.clip(zero, 0, 255).astype(np.uint8)
        self._lasting.add(id(memory))
        return self._put(Stored(spec, memory, View(py * pitch + px * channels, axes), (py, px)))

    def place_like(self, spec: TensorSpec, source: View, channel: int) -> Stored:
        """A buffer whose elements lie in the memory order of `source`, axis `channel` innermost.

        An image of another size than its source, or one that is read with padding, lies row by row.
        """
        alike = all(axis == channel or a == b for axis, (a, b) in enumerate(zip(spec.shape, source.shape, strict=True)))
        if not alike or (len(spec.shape) == 4 and channel == 1 and self._borders.get(spec.name)):
            return self.place_image(spec)
        return self.place(spec, source.packed(spec.shape, channel))

    def share(self, spec: TensorSpec, source: Stored, view: View) -> Stored:
        """A tensor that is another view of its source's buffer."""
        return self._put(Stored(spec, source.memory, view))

    def has_one_reader(self, name: str) -> bool:
        """Whether one step reads a tensor, and nobody else asked for it."""
        return self._readers[name] == 1 and not self.keep_all

    def next_reader(self, name: str) -> Call | None:
        """The only step that reads a tensor."""
        if not self.has_one_reader(name):
            return None
        return self._next.get(name)

    def release(self, names: Sequence[str]) -> None:
        """A step has been bound that read these tensors."""
        for name in set(names):
            self._readers[name] -= 1
            if self._readers[name] or name not in self.places:
                continue
            memory = self.places[name].memory
            sharers = self._sharers[id(memory)]
            sharers.discard(name)
            if not sharers and id(memory) not in self._lasting:
                self.pool.give(memory)

    def sums(self) -> NDArray[np.int32]:
        """Scratch of every thread for one tile of sums, int32 [threads, 512]."""
        if np.int32 not in self._scratch:
            self._scratch[np.int32] = np.zeros((self.threads, 512), np.int32)
        return cast("NDArray[np.int32]", self._scratch[np.int32])

    def _put(self, stored: Stored) -> Stored:
        self.places[stored.spec.name] = stored
        self._sharers.setdefault(id(stored.memory), set()).add(stored.spec.name)
        return stored


def _borders(program: Program) -> dict[str, tuple[int, int]]:
    """The widest padding (y, x) with which convolutions read each tensor."""
    found: dict[str, tuple[int, int]] = {}
    for step in program.steps:
        op = step.op
        if not isinstance(op, Conv2d) or not any(op.padding):
            continue
        spec = program.tensors[step.inputs[0]]
        if spec.bits <= 8:
            y, x = found.get(spec.name, (0, 0))
            found[spec.name] = max(y, op.padding[0]), max(x, op.padding[1])
    return found
