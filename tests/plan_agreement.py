"""Run a case through the fast machine: a step with its operands placed as in a network, and with a table behind.

For the tests of the ops. Operands of at most 8 bits come out of identity tables, so that images lie with channels
innermost and with the border that the step's padding asks for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from op_parts import Case

from bittrue.simulator.plan.compiler import Plan
from bittrue.spec.ops.table import Table
from bittrue.spec.program import Program, Step
from bittrue.spec.tensors import TensorSpec

Array = NDArray[np.integer]


def planned(case: Case, *, keep_all: bool) -> tuple[Array, Plan]:
    """The output codes of the step by the fast machine."""
    program, operands = _program(case)
    plan = Plan(program, keep_all=keep_all)
    plan.run(operands)
    return plan.read(program.output), plan


def planned_with_table(case: Case, table: NDArray[np.int64]) -> tuple[Array, Plan]:
    """What a table of signed 8-bit codes behind the step gives; table: one entry for each code of the output."""
    program, operands = _program(case)
    source = case.call.output
    spec = TensorSpec("behind", source.shape, 8, True, (1.0,), (0,))
    program = replace(
        program,
        tensors={**program.tensors, spec.name: spec},
        steps=(*program.steps, Step(spec.name, Table("any"), (source.name,))),
        constants={**program.constants, "behind/table": table[None]},
        output=spec.name,
    )
    plan = Plan(program, keep_all=False)
    plan.run(operands)
    return plan.read(spec.name), plan


def _program(case: Case) -> tuple[Program, dict[str, Array]]:
    call = case.call
    inputs = [replace(spec, name=f"given{index}") for index, spec in enumerate(call.inputs)]
    operands = [replace(spec, name=f"operand{index}") for index, spec in enumerate(call.inputs)]
    steps, constants = [], {}
    names = []
    for given, spec in zip(inputs, operands, strict=True):
        if spec.bits > 8:
            names.append(given.name)
            continue
        low, high = spec.code_range
        count = 1 if spec.axis is None else spec.shape[spec.axis]
        steps.append(Step(spec.name, Table("identity", spec.axis), (given.name,)))
        constants[f"{spec.name}/table"] = np.tile(np.arange(low, high + 1), (count, 1))
        names.append(spec.name)
    steps.append(Step(call.output.name, call.op, tuple(names), call.bound))
    constants |= {f"{call.output.name}/{role}": array for role, array in call.constants.items()}
    tensors = {spec.name: spec for spec in (*inputs, *operands, call.output)}
    given_names = tuple(spec.name for spec in inputs)
    program = Program("case", call.datapath, tensors, tuple(steps), constants, given_names, call.output.name, {})
    return program, {spec.name: codes for spec, codes in zip(inputs, case.operands, strict=True)}
