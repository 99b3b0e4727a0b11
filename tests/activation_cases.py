"""Valid random cases of the op activation, in the manner of op_cases."""

from __future__ import annotations

import activation_units
import numpy as np
from activation_units import EXAMPLES
from numpy.random import Generator
from op_datapaths import IOT_NPU
from op_parts import Case, Constants, Shape, build, codes, requantizer, tensor

from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import Activation


def activation_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    example: str | None = None,
    shape: Shape = (1, 3, 2, 4),
    axis: int | None = None,
) -> Case:
    """A unit of EXAMPLES, added to the datapath; with `axis` constants and zero points for each of its indices."""
    chosen = EXAMPLES[str(rng.choice(sorted(EXAMPLES))) if example is None else example]
    unit, count = chosen.unit, 1 if axis is None else shape[axis]
    path = path.model_copy(update={"activation": {chosen.function: unit}})
    zeros_in = tuple(activation_units.input_zero_point(rng, chosen) for _ in range(count))
    zeros_out = tuple(activation_units.output_zero_point(rng, chosen, zero) for zero in zeros_in)
    source = tensor("x", shape, bits=chosen.source.bits, signed=chosen.source.signed, zero_point=zeros_in, axis=axis)
    output = tensor("y", shape, bits=chosen.output.bits, signed=chosen.output.signed, zero_point=zeros_out, axis=axis)
    parts = [activation_units.constants(rng, chosen, zero) for zero in zeros_in]
    constants: Constants = {port.name: np.stack([part[port.name] for part in parts]) for port in unit.parameters}
    if unit.requantizes:
        reach = unit.reach(chosen.source, {"input_zero_point": np.array(zeros_in), **constants})
        constants.update(requantizer(rng, path, reach, output.bits, count, op="activation"))
    return Case(build(Activation(chosen.function, axis), [source], output, constants, path), (codes(rng, source),))
