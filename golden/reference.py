"""Reference: a Program run by the plain torch int64 statements of its ops.

It is the judge of the simulator: slow, literal, and sharing nothing with it but the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bittrue.golden.ops import JUDGES
from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call
from bittrue.spec.program import Program
from bittrue.spec.tensors import Codes, TensorSpec
from bittrue.spec.trace import Trace


class Reference:
    """Runs one Program on images, one at a time."""

    def __init__(self, program: Program) -> None:
        """Prove the program well formed and bring its constants to int64 once.

        Raises IllFormed for a program that breaks its contract.
        """
        program.check()
        self.program = program
        self._calls = tuple(_with_int64_constants(call) for call in program.calls)

    def run(self, image: Codes | Mapping[str, Codes], *, stages: bool = False) -> Trace:
        """Run every step on one image.

        image: codes of the program's input, uint8 [1, 3, H, W]; or of every input by name. stages: record the
        values inside the ops too. Raises OutOfDomain for an image that is not the input's, for a step whose
        output leaves its tensor's range, and for an accumulator that leaves its proved bound.
        """
        tensors = self.program.operands(image)
        recorded: dict[str, dict[str, NDArray[np.int64]]] = {}
        for step, call in zip(self.program.steps, self._calls, strict=True):
            operands = [torch.from_numpy(tensors[name].astype(np.int64)) for name in step.inputs]
            found: Stages | None = {} if stages else None
            output = JUDGES[step.op.name](call, operands, found)
            tensors[step.output] = _codes(call.output, output)
            assert found is None or tuple(found) == step.op.stages_on(self.program.datapath), (
                f"{step.op.name} records its stages in order"
            )
            if found:
                recorded[step.name] = {name: np.ascontiguousarray(value.numpy()) for name, value in found.items()}
        return Trace(self.program.digest, "reference", tensors, recorded)


def _with_int64_constants(call: Call) -> Call:
    constants = {role: np.array(array, dtype=np.int64, order="C") for role, array in call.constants.items()}
    return replace(call, constants=constants)


def _codes(spec: TensorSpec, output: Tensor) -> Codes:
    """An output in its tensor's own dtype, proved to fit."""
    assert output.dtype is torch.int64, f"{spec.name}: a statement returns int64"
    codes = output.numpy()
    spec.check_codes(codes)
    return np.ascontiguousarray(codes, dtype=spec.dtype)
