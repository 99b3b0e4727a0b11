"""The integer machine: runs a Program on one image, for the workflow and for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Literal, get_args

import numpy as np

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.compiler import Plan
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.spec.tensors import Codes
from bittrue.spec.trace import Trace

Keep = Literal["output", "tensors", "stages"]


class Simulator:
    """A Program made ready to run. Its buffers serve one run at a time; a second one waits."""

    def __init__(self, program: Program) -> None:
        """Prove the program well formed; raises IllFormed where it is not."""
        program.check()
        self.program = program
        self._plans: dict[bool, Plan] = {}
        self._lock = Lock()

    def plan(self, *, keep_all: bool = False) -> Plan:
        """The program bound to the fast machine, made when first asked for."""
        if keep_all not in self._plans:
            self._plans[keep_all] = Plan(self.program, keep_all=keep_all)
        return self._plans[keep_all]

    def run(self, image: Codes | Mapping[str, Codes], *, keep: Keep = "tensors") -> Trace:
        """Run one image, uint8 [1, 3, H, W] as the program's input says, or every input by name.

        keep: "output" keeps the input and the output only and frees every other tensor after its last
        use; "tensors" keeps all tensors; "stages" also keeps every stage inside the ops, many times slower.
        Raises OutOfDomain for another shape, another type or codes out of range.
        """
        if keep not in get_args(Keep):
            raise BadInput("unknown choice of what a run keeps", got=keep, expected=", ".join(get_args(Keep)))
        operands = self.program.operands(image)
        with self._lock:
            plan = self.plan(keep_all=keep != "output")
            plan.run(operands)
            names = [self.program.output] if keep == "output" else [step.output for step in self.program.steps]
            tensors = {**operands, **{name: plan.read(name) for name in names}}
        return Trace(self.program.digest, "simulator", tensors, self._stages(tensors) if keep == "stages" else {})

    def outputs(self, images: Codes) -> Codes:
        """The output codes of images, one after another, each without its batch axis: [images, classes] of a network.

        images: the codes of the program's only input, [images, 3, H, W] for a network. Raises OutOfDomain as `run`.
        """
        spec = self.program.tensors[self.program.output]
        codes = np.empty((len(images), *spec.shape[1:]), spec.dtype)
        for index, image in enumerate(images):
            codes[index] = self.run(image[None], keep="output").tensors[self.program.output][0]
        return codes

    def _stages(self, tensors: Mapping[str, Codes]) -> dict[str, Mapping[str, np.ndarray]]:
        """What is inside the ops, by the plain kernels; their outputs must be the fast machine's tensors.

        Raises RuntimeError at the first step where they are not: one of the two is wrong.
        """
        stages: dict[str, Mapping[str, np.ndarray]] = {}
        for step, call in zip(self.program.steps, self.program.calls, strict=True):
            inside: dict[str, np.ndarray] = {}
            output = KERNELS[step.op.name](call, [tensors[name] for name in step.inputs], inside)
            if not np.array_equal(output, tensors[step.output]):
                raise RuntimeError(f"{step.name}: the fast path and the plain kernel of {step.op.name} differ")
            if inside:
                stages[step.name] = inside
        return stages
