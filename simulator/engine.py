"""The integer machine: runs a Program on one image, for the workflow and for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from bittrue.simulator.kernels import KERNELS
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.spec.tensors import Codes
from bittrue.spec.trace import Trace

Keep = Literal["output", "tensors", "stages"]


class Simulator:
    """A Program made ready to run. Holds no state between runs."""

    def __init__(self, program: Program) -> None:
        """Prove the program well formed; raises IllFormed where it is not."""
        program.check()
        self.program = program
        self._last_use = _last_uses(program)

    def run(self, image: Codes | Mapping[str, Codes], *, keep: Keep = "tensors") -> Trace:
        """Run one image, uint8 [1, 3, H, W] as the program's input says, or every input by name.

        keep: "output" keeps the input and the output only and frees every other tensor after its last
        use; "tensors" keeps all tensors; "stages" also keeps every stage inside the ops.
        Raises OutOfDomain for another shape, another type or codes out of range.
        """
        if keep not in get_args(Keep):
            raise BadInput("unknown choice of what a run keeps", got=keep, expected=", ".join(get_args(Keep)))
        program = self.program
        tensors: dict[str, np.ndarray] = dict(program.operands(image))
        stages: dict[str, Mapping[str, np.ndarray]] = {}
        for index, (step, call) in enumerate(zip(program.steps, program.calls, strict=True)):
            inside: dict[str, np.ndarray] | None = {} if keep == "stages" else None
            operands = [tensors[name] for name in step.inputs]
            tensors[step.output] = KERNELS[step.op.name](call, operands, inside)
            if inside:
                stages[step.name] = inside
            if keep == "output":
                for name in self._last_use.get(index, ()):
                    del tensors[name]
        return Trace(program.digest, "simulator", tensors, stages)


def _last_uses(program: Program) -> dict[int, tuple[str, ...]]:
    """The tensors that no step after a given one reads, the program's input and output excepted."""
    last = {name: index for index, step in enumerate(program.steps) for name in (step.output, *step.inputs)}
    kept = {*program.inputs, program.output}
    return {
        index: tuple(name for name, use in last.items() if use == index and name not in kept)
        for index in set(last.values())
    }
