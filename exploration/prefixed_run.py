"""A program on evaluation images, taken up where what an earlier program has left on disk ends."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.exploration.prefix_store import PrefixStore
from bittrue.simulator.engine import Simulator
from bittrue.spec.cuts import Cut
from bittrue.spec.program import Program
from bittrue.spec.tensor_digests import tensor_digests
from bittrue.spec.tensors import Codes
from bittrue.workflow.accuracy.chunks import CHUNK


class PrefixedRun:
    """Gives the logits that the program gives alone, bit for bit."""

    def __init__(self, program: Program, store: PrefixStore, keep: int | None) -> None:
        """keep: how many steps stand in front of the cut that other programs share; None where none does."""
        self.program, self.store = program, store
        self._machine, self._digests = Simulator(program), tensor_digests(program)
        *self._inner, self._end = self._machine.cuts
        # Not between a product and a table that the machine takes along: then a little earlier.
        self._kept = next((cut for cut in reversed(self._inner) if keep is not None and 0 < cut.steps <= keep), None)
        self.taken = 0
        """Steps that were not run because their results were there, over all images so far."""

    def __call__(self, images: NDArray[np.uint8], first: int) -> NDArray[np.floating]:
        """Logits [images, classes] of images [images, 3, H, W] of one chunk, of which the first is image `first` of the
        evaluation order."""
        chunk, at = divmod(first, CHUNK)
        begin, given = self._begin(images, chunk, slice(at, at + len(images)))
        self.taken += begin.steps * len(images)
        through = [self._kept] if self._kept is not None and self._kept.steps > begin.steps and at == 0 else []
        made = {name: self._empty(len(images), name) for cut in through for name in cut.tensors}
        logits = self._empty(len(images), self.program.output)
        for index in range(len(images)):
            tensors: Mapping[str, Codes] = {name: codes[index] for name, codes in given.items()}
            here = begin
            for cut in through:
                tensors, here = self._machine.between(tensors, here, cut), cut
                for name in cut.tensors:
                    made[name][index] = tensors[name]
            logits[index] = self._machine.between(tensors, here, self._end)[self.program.output]
        for name, codes in made.items():
            self.store.keep(self._digests[name], chunk, codes)
        return self.program.tensors[self.program.output].dequantize(logits[:, 0]).reshape(len(images), -1)

    def _begin(self, images: NDArray[np.uint8], chunk: int, rows: slice) -> tuple[Cut, Mapping[str, Codes]]:
        """The deepest cut whose tensors are there, with their rows; else the images themselves."""
        for cut in reversed(self._inner[1:]):
            by_digest = {self._digests[name]: self.program.tensors[name] for name in cut.tensors}
            found = self.store.read(by_digest, chunk, rows)
            if found is not None:
                return cut, {name: found[self._digests[name]] for name in cut.tensors}
        return self._inner[0], {self.program.input: images[:, None]}

    def _empty(self, count: int, name: str) -> Codes:
        spec = self.program.tensors[name]
        return np.empty((count, *spec.shape), spec.dtype)
