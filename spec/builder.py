"""Programs written by hand: tensors, steps and constants one after another, proved at the end.

    draft = Builder("block", load_datapath("iot_npu"))
    x = draft.input("x", (1, 64), bits=8)
    y = draft.step("y", Linear(32), [x], constants={"weight": w, "bias": b, "multiplier": m, "shift": s})
    program = draft.build(output=y)

For blocks of a chip that no network of timm holds; docs/hand_written_programs.md builds ITA's attention layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError, IllFormed
from bittrue.spec.op import Op
from bittrue.spec.program import Program, Step, with_bound
from bittrue.spec.tensors import TensorSpec


class Builder:
    """Collects what a Program holds. Every method returns a tensor's name."""

    def __init__(self, model: str, datapath: Datapath) -> None:
        """model: a name for the program; datapath: the hardware that it is for."""
        self._model, self._datapath = model, datapath
        self._tensors: dict[str, TensorSpec] = {}
        self._inputs: list[str] = []
        self._steps: list[Step] = []
        self._constants: dict[str, NDArray[np.integer]] = {}

    def input(
        self,
        name: str,
        shape: Sequence[int],
        *,
        bits: int = 8,
        signed: bool = True,
        zero_point: int = 0,
        scale: float = 1.0,
    ) -> str:
        """A tensor that a run is given; real = scale * (code - zero_point), the scale being provenance only."""
        self._add(TensorSpec(name, tuple(shape), bits, signed, (scale,), (zero_point,)))
        self._inputs.append(name)
        return name

    def step(
        self,
        name: str,
        op: Op,
        inputs: Sequence[str],
        *,
        bits: int = 8,
        signed: bool = True,
        zero_point: int | Sequence[int] = 0,
        axis: int | None = None,
        scale: float = 1.0,
        row_sum_max: int | None = None,
        constants: Mapping[str, ArrayLike] | None = None,
    ) -> str:
        """One op; its output's shape follows from the inputs.

        zero_point: one, or one for each index of `axis`. row_sum_max: of a softmax output whose unit proves
        one. constants: by role, integers; a single number counts as one for all channels. Raises IllFormed
        for unknown tensors, missing or surplus constants and shapes that the op does not take.
        """
        unknown = [tensor for tensor in inputs if tensor not in self._tensors]
        if unknown:
            raise IllFormed("a step reads a tensor that does not exist yet", where=name, got=", ".join(unknown))
        roles, given = op.roles_on(self._datapath), constants or {}
        if set(given) != set(roles):
            raise IllFormed(
                f"constants of {op.name} on this datapath",
                where=name,
                got=", ".join(given) or "none",
                expected=", ".join(roles) or "none",
            )
        try:
            shape = op.output_shape([self._tensors[tensor].shape for tensor in inputs])
        except BittrueError as error:
            raise error.at(name) from None
        points = (zero_point,) if isinstance(zero_point, int) else tuple(zero_point)
        self._add(TensorSpec(name, shape, bits, signed, (scale,) * len(points), points, axis, row_sum_max=row_sum_max))
        for role, values in given.items():
            self._constants[f"{name}/{role}"] = np.atleast_1d(_integers(values, f"{name}/{role}"))
        self._steps.append(Step(name, op, tuple(inputs)))
        return name

    def build(self, output: str) -> Program:
        """The program, with every bound proved and every rule checked; raises as `Program.check` does."""
        bare = Program(
            self._model,
            self._datapath,
            self._tensors,
            tuple(self._steps),
            self._constants,
            tuple(self._inputs),
            output,
            {"method": "written by hand"},
        )
        program = replace(bare, steps=tuple(with_bound(bare, step) for step in self._steps))
        program.check()
        return program

    def _add(self, spec: TensorSpec) -> None:
        if spec.name in self._tensors:
            raise IllFormed("two tensors bear one name", got=spec.name)
        self._tensors[spec.name] = spec


def _integers(values: ArrayLike, where: str) -> NDArray[np.integer]:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise IllFormed("constants are integers", where=where, got=array.dtype)
    return array
