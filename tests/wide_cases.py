"""Products with outputs of 9 to 16 bits, and activations by an interpolated table behind them, for tests of plan/."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from op_datapaths import IOT_NPU
from op_parts import Case, build, codes, requantizer, tensor, zero_points
from plan_agreement import Array

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.compiler import Plan
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.bounds import held_accumulator
from bittrue.spec.op import Call
from bittrue.spec.ops import Activation, Table
from bittrue.spec.program import Program, Step
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.activation import InterpolatedActivation


def unit(
    *, index_bits: int = 8, fraction_bits: int = 8, rounding: Rounding = Rounding.HALF_UP, wrap_bits: int | None = None
) -> InterpolatedActivation:
    """A unit for codes of up to 16 bits; without arguments that of `iot_npu_wide`."""
    return InterpolatedActivation(
        kind="interpolated", input_bits_max=16, output_bits_max=16, index_bits=index_bits,
        fraction_bits=fraction_bits, rounding=rounding, wrap_bits=wrap_bits,
    )  # fmt: skip


def widened(rng: Generator, case: Case, bits: int, *, signed: bool = True) -> Case:
    """The step of a case with output codes of `bits` bits, and a requantizer that spreads accumulators over them."""
    call, count = case.call, len(case.call.constants["multiplier"])
    points = zero_points(rng, bits, signed, len(call.output.zero_point))
    output = replace(call.output, bits=bits, signed=signed, zero_point=points)
    reach = held_accumulator(call).magnitude
    constants = {**call.constants, **requantizer(rng, call.datapath, reach, bits, count, op=call.op.name)}
    return Case(build(call.op, call.inputs, output, constants, call.datapath), case.operands)


def interpolated_call(
    rng: Generator,
    source: TensorSpec,
    chosen: InterpolatedActivation,
    *,
    bits: int = 8,
    signed: bool = True,
    axis: int | None = None,
) -> Call:
    """An activation of random nodes, of which many lie at the ends of the output range; one table, or one an index.

    Ties abound: nodes halfway between two codes, and level pieces between nodes.
    """
    count = 1 if axis is None else source.shape[axis]
    points = zero_points(rng, bits, signed, count)
    output = tensor("behind", source.shape, bits=bits, signed=signed, zero_point=points, axis=axis)
    nodes = tensor("nodes", (count, (1 << chosen.index_bits) + 1), bits=bits, signed=signed)
    table = codes(rng, nodes).astype(np.int64) << chosen.fraction_bits
    one = 1 << chosen.fraction_bits
    inner = np.where(rng.random(table.shape) < 0.5, one >> 1, rng.integers(0, one, table.shape))
    table = np.minimum(table + inner, nodes.code_range[1] << chosen.fraction_bits)
    level = rng.random(table[:, 1:].shape) < 0.3
    table[:, 1:] = np.where(level, table[:, :-1], table[:, 1:])
    path = IOT_NPU.model_copy(update={"activation": {"silu": chosen}})
    free = replace(source, axis=None, scale=(1.0,), zero_point=source.zero_point[:1]) if axis is None else source
    return build(Activation("silu", axis), [free], output, {"table": table}, path)


def followed(case: Case, behind: Call, *, keep_all: bool = False) -> tuple[Array, Array, Plan]:
    """What the fast machine and the plain kernels give for a product and the activation behind it, and the plan.

    The operand comes out of an identity table, so that an image lies with channels innermost and with its padding.
    """
    call = replace(case.call, datapath=behind.datapath, output=behind.inputs[0])
    given = replace(call.inputs[0], name="given")
    shape = given.shape
    tensors = {spec.name: spec for spec in (given, *call.inputs, call.output, behind.output)}
    axis = given.axis
    count = 1 if axis is None else shape[axis]
    low, high = given.code_range
    steps = (
        Step(call.inputs[0].name, Table("identity", axis), (given.name,)),
        Step(call.output.name, call.op, (call.inputs[0].name,), call.bound),
        Step(behind.output.name, behind.op, (call.output.name,)),
    )
    constants = {f"{call.inputs[0].name}/table": np.tile(np.arange(low, high + 1), (count, 1))}
    for each in (call, behind):
        constants |= {f"{each.output.name}/{role}": array for role, array in each.constants.items()}
    program = Program("wide", call.datapath, tensors, steps, constants, (given.name,), behind.output.name, {})
    plan = Plan(program, keep_all=keep_all)
    plan.run({given.name: case.operands[0]})
    between = KERNELS[call.op.name](call, list(case.operands), None)
    return plan.read(behind.output.name), KERNELS["activation"](behind, [between], None), plan
