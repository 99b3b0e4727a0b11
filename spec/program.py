"""Program: an integer network, complete and self-contained.

Ordered steps with typed attributes over a table of tensors, integer constants, proved accumulator
bounds and the datapath it was lowered for. What it computes depends on integers only; scales,
origins and provenance are for people and for comparison with the float model, and stand outside the
digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError, IllFormed, Unsupported
from bittrue.spec.layout import LayoutOp
from bittrue.spec.op import ADDED, AccumulatorBound, Call, Op
from bittrue.spec.ops import OPS
from bittrue.spec.ops.constant import Constant
from bittrue.spec.tensors import Codes, TensorSpec

FORMAT_VERSION = 2


@dataclass(frozen=True)
class Step:
    """One op applied once."""

    name: str
    """Unique; equal to the name of the tensor it produces."""
    op: Op
    inputs: tuple[str, ...]
    """Tensor names, in the op's order."""
    bound: AccumulatorBound | None = None

    @property
    def output(self) -> str:
        """Name of the produced tensor."""
        return self.name


@dataclass(frozen=True)
class Program:
    """See the module docstring. Build it, then `check` it: nothing else trusts an unchecked one."""

    model: str
    datapath: Datapath
    tensors: Mapping[str, TensorSpec]
    steps: tuple[Step, ...]
    constants: Mapping[str, NDArray[np.integer]]
    """Keyed "STEP/ROLE"."""
    inputs: tuple[str, ...]
    """What a run is given. A network that was lowered has one: the image, uint8 RGB [1, 3, H, W]."""
    output: str
    """What a run is for; the logits [1, classes] of a network."""
    provenance: Mapping[str, str]
    """What made it: method, images, weights' digest, versions. No part of the meaning."""

    def call(self, step: Step) -> Call:
        """Everything that a statement of the step's op may read."""
        constants = {role: self.constants[f"{step.name}/{role}"] for role in step.op.roles_on(self.datapath)}
        inputs = tuple(self.tensors[name] for name in step.inputs)
        return Call(step.name, step.op, inputs, self.tensors[step.output], constants, self.datapath, step.bound)

    @property
    def input(self) -> str:
        """The only input; raises BadInput where there are several."""
        if len(self.inputs) != 1:
            raise BadInput("this program reads several arrays, not one image", got=", ".join(self.inputs))
        return self.inputs[0]

    def operands(self, given: Codes | Mapping[str, Codes]) -> dict[str, Codes]:
        """The input tensors of a run, copied and checked.

        given: codes of the only input, or of every input by name. Raises OutOfDomain for another shape,
        another type or codes out of range, BadInput for missing or unknown names.
        """
        arrays = given if isinstance(given, Mapping) else {self.input: given}
        if set(arrays) != set(self.inputs):
            raise BadInput("these are not the program's inputs", got=sorted(arrays), expected=sorted(self.inputs))
        for name in self.inputs:
            self.tensors[name].check_codes(arrays[name])
        return {name: np.array(arrays[name], self.tensors[name].dtype, order="C") for name in self.inputs}

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The Call of every step, in order."""
        return tuple(self.call(step) for step in self.steps)

    def step(self, name: str) -> Step:
        """The step of that name; raises IllFormed with the nearest names."""
        for step in self.steps:
            if step.name == name:
                return step
        import difflib

        near = difflib.get_close_matches(name, [step.name for step in self.steps], n=3, cutoff=0.3)
        raise IllFormed(
            "the program has no such step",
            got=name,
            expected=f"one of {len(self.steps)} steps",
            next_step=f"nearest names: {', '.join(near)}",
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that may decide an output bit; names, scales and provenance stand outside."""
        meaning = {
            "format_version": FORMAT_VERSION,
            "datapath": self.datapath.model_dump(mode="json", exclude={"name", "source", "format_version"}),
            "tensors": {
                name: [t.shape, t.bits, t.signed, t.zero_point, t.axis, t.row_sum_max]
                for name, t in sorted(self.tensors.items())
            },
            "steps": [[step.name, step.op.name, attributes(step.op), step.inputs] for step in self.steps],
            "ends": [self.inputs, self.output],
        }
        digest = hashlib.sha256(json.dumps(meaning, sort_keys=True, separators=(",", ":")).encode())
        for key in sorted(self.constants):
            array = self.constants[key]
            digest.update(f"{key} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return digest.hexdigest()

    def check(self) -> None:
        """Prove the program well formed: names, shapes, widths, constants and accumulator bounds.

        Raises IllFormed with the step and tensor named. Bounds are proved anew and must equal the
        recorded ones.
        """
        check_ends(self)
        known = set(self.inputs)
        needed = {f"{step.name}/{role}" for step in self.steps for role in step.op.roles_on(self.datapath)}
        if needed != set(self.constants):
            missing, unused = sorted(needed - set(self.constants)), sorted(set(self.constants) - needed)
            raise IllFormed("constants do not match the steps", got=f"missing {missing[:3]}, unused {unused[:3]}")
        for step in self.steps:
            try:
                check_step(self, step, known)
            except BittrueError as error:
                if step.name not in error.where:
                    error.at(step.name)
                raise
            known.add(step.output)
        if known != set(self.tensors):
            raise IllFormed("tensors that no step produces", got=sorted(set(self.tensors) - known)[:3])


def attributes(op: Op) -> dict[str, object]:
    """An op's attributes by name, in declaration order; those that were added later only where they are not at
    their default."""
    values = {field.name: getattr(op, field.name) for field in fields(op)}
    return {
        field.name: values[field.name]
        for field in fields(op)
        if ADDED not in field.metadata or values[field.name] != field.default
    }


def with_bound(program: Program, step: Step) -> Step:
    """The step with its accumulator bound proved from the program's constants."""
    return replace(step, bound=step.op.bound(program.call(step)))


def check_executed(datapath: Datapath, op: str) -> None:
    """Refuse an op, by its name, that the hardware does not execute."""
    if datapath.ops is None or op in datapath.ops:
        return
    raise Unsupported(
        "the datapath does not execute this op",
        got=op,
        expected=", ".join(datapath.ops),
        next_step="choose another datapath, or run what it lacks on the units of one: --supply iot_npu",
    )


def check_ends(program: Program) -> None:
    """Refuse a program whose inputs or output are missing, or whose inputs claim what nothing proves."""
    if not program.inputs or len(set(program.inputs)) < len(program.inputs):
        raise IllFormed("a program needs inputs, each once", got=program.inputs)
    for name in (*program.inputs, program.output):
        if name not in program.tensors:
            raise IllFormed("the program's input or output is no tensor of it", got=name)
    for name in program.inputs:
        if program.tensors[name].row_sum_max is not None:
            raise IllFormed("an input proves no row sum", where=f"tensor {name}")


def check_step(program: Program, step: Step, known: set[str]) -> None:
    """Refuse one step: unknown op or tensors, wrong shape, broken contract, unproved or false bound."""
    if OPS.get(step.op.name) is not type(step.op):
        raise IllFormed("unknown op", got=step.op.name, expected=", ".join(OPS))
    unknown = [name for name in step.inputs if name not in known]
    if unknown:
        raise IllFormed("a step reads a tensor that nothing before it produces", got=unknown)
    if step.output not in program.tensors or step.output in known:
        raise IllFormed("a step's output is missing from the tensors, or produced twice", got=step.output)
    if len(step.inputs) != step.op.arity and (step.op.arity is not None or not step.inputs):
        raise IllFormed("wrong number of inputs", got=len(step.inputs), expected=step.op.arity)
    quantizes_image = step.inputs == program.inputs and step.op.name == "table"
    if not isinstance(step.op, (LayoutOp, Constant)) and not quantizes_image:
        check_executed(program.datapath, step.op.name)
    call = program.call(step)
    for role, array in call.constants.items():
        if not np.issubdtype(array.dtype, np.integer) or array.size == 0:
            raise IllFormed(f"constant '{role}' holds no integers", got=f"{array.dtype} {array.shape}")
    shape = step.op.output_shape([spec.shape for spec in call.inputs])
    if shape != call.output.shape:
        raise IllFormed("the output's shape does not follow from the inputs", got=call.output.shape, expected=shape)
    bound = step.op.bound(call)
    if call.output.row_sum_max is not None and step.op.name != "softmax":
        raise IllFormed(
            "only a softmax proves a row sum", where=f"tensor {step.output}", got=call.output.row_sum_max, expected=None
        )
    if bound != step.bound:
        raise IllFormed(
            "the recorded accumulator bound is not the proved one",
            got=step.bound,
            expected=bound,
            next_step="the file was edited or truncated: lower the plan again",
        )
    step.op.check(call)
