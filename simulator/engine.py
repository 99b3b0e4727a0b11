"""The integer machine: runs a Program on one image, for the workflow and for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import Literal, get_args

import numpy as np

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.compiler import Plan
from bittrue.spec.cuts import Cut, cuts
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

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """The cuts between which `between` runs: those whose tensors all have a place of their own."""
        with self._lock:
            places = self.plan().places
        return tuple(cut for cut in cuts(self.program) if all(name in places for name in cut.tensors))

    def between(self, tensors: Mapping[str, Codes], first: Cut, last: Cut) -> dict[str, Codes]:
        """Run one image from one cut to another, both of `cuts`: the tensors of `first` -> those of `last`.

        Raises OutOfDomain for another shape or codes out of range, BadInput for other names.
        """
        if first not in self.cuts or last not in self.cuts or first.steps > last.steps:
            raise BadInput("a run goes from one cut of the simulator to a later one", got=(first, last))
        if set(tensors) != set(first.tensors):
            raise BadInput("these are not the cut's tensors", got=sorted(tensors), expected=sorted(first.tensors))
        for name, codes in tensors.items():
            self.program.tensors[name].check_codes(codes)
        with self._lock:
            plan = self.plan()
            plan.run(tensors, first=first.steps, stop=last.steps)
            return {name: plan.read(name) for name in last.tensors}

    def inside(self, step: str, tensors: Mapping[str, Codes]) -> dict[str, np.ndarray]:
        """The stages of one step of a run whose tensors are given, by the plain kernel; empty for an op without any.

        Raises RuntimeError where the kernel's output is not the run's: one of the two is wrong.
        """
        found = self.program.step(step)
        stages: dict[str, np.ndarray] = {}
        output = KERNELS[found.op.name](self.program.call(found), [tensors[name] for name in found.inputs], stages)
        if not np.array_equal(output, tensors[found.output]):
            raise RuntimeError(f"{step}: the fast path and the plain kernel of {found.op.name} differ")
        return stages

    def _stages(self, tensors: Mapping[str, Codes]) -> dict[str, Mapping[str, np.ndarray]]:
        """What is inside the ops, as far as there is something."""
        found = {step.name: self.inside(step.name, tensors) for step in self.program.steps}
        return {name: stages for name, stages in found.items() if stages}
