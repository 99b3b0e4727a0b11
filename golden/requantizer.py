"""From a Call to tensors, and from an accumulator to output codes: what most judges end with.

`pipeline` states the whole unit of spec/units/requantization.py, register by register; the functions below
it bring a step's constants to it. For readers who follow one op from its formula in spec/ops to its codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, held, read_unsigned, round_shift, saturate, shifted, wrap
from bittrue.spec.errors import OutOfDomain, Unsupported
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.requantization import RequantizationUnit

Stages = dict[str, Tensor]
"""Intermediate values of one step by stage name, int64, in the order of the op's `stages`."""


def pipeline(
    unit: RequantizationUnit,
    *,
    accumulator: Tensor,
    multiplier: Tensor | None = None,
    shift: Tensor | None = None,
    zero_point: Tensor,
    low: Tensor,
    high: Tensor,
    bias: Tensor | None = None,
    offset: Tensor | None = None,
    unsigned: Tensor | None = None,
    thresholds: Tensor | None = None,
) -> Stages:
    """Every stage of the unit, in the order of its docstring; a line that the unit leaves out has no stage.

    All arguments int64 and broadcastable against each other. multiplier: of kind "float32" the bits of a
    float32; not read of kinds "shift" and "thresholds". shift: 0..63; not read of kinds "float32" and
    "thresholds". bias: where None there is no sum and no register behind it. offset: 0 where None. Both are
    read only where the unit adds or subtracts them. unsigned:
    1 where input_bits are read unsigned. thresholds: [..., count], compared with the accumulator itself, the
    leading axes broadcastable against it. The caller proves that no intermediate reaches 2**63.
    Returns int64 "entered", "centred", "lifted", "product", "high", "rounded", "limited", "placed" as far
    as they exist, and "output". Raises OutOfDomain for a float32 scale that is no number, Unsupported for a
    bias behind a multiplier that is none of integers.
    """
    if unit.kind == "thresholds":
        assert thresholds is not None, "a threshold unit has thresholds"
        count = _passed(accumulator, thresholds)
        return {"rounded": count, "output": low + count}
    found = _entrance(unit, accumulator, bias, offset, unsigned)
    entered = list(found.values())[-1] if found else accumulator
    if unit.kind == "float32":
        assert multiplier is not None, "a float32 unit has a scale"
        _refuse_late_bias(unit)
        added = zero_point if unit.zero_point == "before_rounding" else None
        found["rounded"] = _scaled_by_float(entered, multiplier, added)
    else:
        factor = multiplier if unit.kind == "integer" else torch.ones_like(entered)
        assert factor is not None and shift is not None, "an integer unit has a multiplier and a shift"
        found |= (
            _one_rounding(unit, entered, factor, shift, bias)
            if unit.second is None
            else _two_roundings(unit, entered, factor, shift)
        )
    if unit.shifted_bits is not None:
        found["limited"] = held(found["rounded"], unit.shifted_bits, unit.shifted_overflow)
    return found | _exit(unit, before_zero_point(found), zero_point, low, high)


def before_zero_point(found: Mapping[str, Tensor]) -> Tensor:
    """What the unit has brought to the output's scale: the stage "limited" where there is one, or "rounded"."""
    return found.get("limited", found["rounded"])


def _entrance(
    unit: RequantizationUnit,
    accumulator: Tensor,
    bias: Tensor | None,
    offset: Tensor | None,
    as_unsigned: Tensor | None,
) -> Stages:
    """Stages "entered" and "centred", as far as the unit has them."""
    found, value = {}, accumulator
    if unit.bias == "before_multiply":
        value = found["entered"] = value + _or_zero(bias)
    if unit.input_bits is not None:
        signed = wrap(value, unit.input_bits)
        value = found["entered"] = torch.where(
            _or_zero(as_unsigned) != 0, read_unsigned(value, unit.input_bits), signed
        )
    if unit.offset:
        found["centred"] = value - _or_zero(offset)
    return found


def _one_rounding(
    unit: RequantizationUnit, value: Tensor, multiplier: Tensor, shift: Tensor, bias: Tensor | None
) -> Stages:
    """Stages "product", where there is a multiplier, and "rounded" of one shift."""
    product = _product(unit, value, multiplier)
    if unit.bias == "after_multiply" and bias is not None:
        product = product + bias
        if unit.bias_sum_bits is not None:
            product = wrap(product, unit.bias_sum_bits)
    rounded = shifted(product, shift, unit.rounding)
    if unit.shift_zero_from is not None:
        rounded = torch.where(shift >= unit.shift_zero_from, 0, rounded)
    return {"product": product, "rounded": rounded} if unit.kind == "integer" else {"rounded": rounded}


def _product(unit: RequantizationUnit, value: Tensor, multiplier: Tensor) -> Tensor:
    product = value * multiplier
    return product if unit.product_bits is None else wrap(product, unit.product_bits)


def _two_roundings(unit: RequantizationUnit, value: Tensor, multiplier: Tensor, shift: Tensor) -> Stages:
    """Stages "lifted", "product", "high" and "rounded" of two shifts: by first_shift, then by what is left."""
    assert unit.second is not None, "the unit rounds twice"
    lifted = value * (torch.ones_like(shift) << (unit.first_shift - shift).clamp(min=0))
    if unit.lifted_bits is not None:
        lifted = wrap(lifted, unit.lifted_bits)
    product = _product(unit, lifted, multiplier)
    high = round_shift(product, unit.first_shift, unit.rounding)
    if unit.high_bits is not None:
        high = saturate(high, unit.high_bits)
    rounded = shifted(high, (shift - unit.first_shift).clamp(min=0), unit.second)
    return {"lifted": lifted, "product": product, "high": high, "rounded": rounded}


def _scaled_by_float(value: Tensor, bits: Tensor, added: Tensor | None) -> Tensor:
    """rint(float32(value) * scale + float32(added)), saturated to int32; every operation rounds half to even."""
    scale = bits.to(torch.int32).view(torch.float32)
    if not bool(torch.isfinite(scale).all()):
        raise OutOfDomain("a float32 scale is not a finite number", got="infinity or NaN", expected="a finite scale")
    scaled = value.to(torch.float32) * scale
    if added is not None:
        scaled = scaled + added.to(torch.float32)
    return torch.round(scaled).to(torch.float64).clamp(-(2**31), 2**31 - 1).to(torch.int64)  # float64 holds every int32


def _passed(value: Tensor, thresholds: Tensor) -> Tensor:
    """How many of the thresholds [..., count] are at most the value."""
    count = torch.zeros_like(value)
    for index in range(thresholds.shape[-1]):
        count = count + (thresholds[..., index] <= value)
    return count


def _exit(unit: RequantizationUnit, value: Tensor, zero_point: Tensor, low: Tensor, high: Tensor) -> Stages:
    """Stages "placed" where there is one, and "output"."""
    if unit.zero_point == "after_saturation":
        return {"output": clamp(clamp(value, low, high) + zero_point, low, high)}
    if unit.zero_point in ("none", "before_rounding"):  # the latter is in the value already
        return {"output": clamp(value, low, high)}
    placed = value + zero_point
    if unit.placed_bits is not None:
        placed = wrap(placed, unit.placed_bits)
    return {"placed": placed, "output": clamp(placed, low, high)}


def _refuse_late_bias(unit: RequantizationUnit) -> None:
    if unit.bias == "after_multiply":
        raise Unsupported("a float32 product takes no integer bias", where="requantization.bias")


def _or_zero(value: Tensor | None) -> Tensor:
    return torch.zeros(1, dtype=torch.int64) if value is None else value


def constant(call: Call, role: str) -> Tensor:
    """A constant of the step as int64; without a copy where the array is int64 already."""
    return torch.from_numpy(np.require(call.constants[role], np.int64, ["C", "W"]))


def along(values: Tensor, axis: int | None, rank: int) -> Tensor:
    """Shape one value, or one per index of `axis`, so that it broadcasts against a tensor of `rank` axes."""
    shape = [1] * rank
    if values.numel() > 1:
        assert axis is not None, "the contract allows several values only along an axis"
        shape[axis] = values.numel()
    return values.reshape(shape)


def zero_points(spec: TensorSpec) -> Tensor:
    """The zero points of a tensor, int64, broadcastable against it."""
    return along(torch.tensor(spec.zero_point, dtype=torch.int64), spec.axis, len(spec.shape))


def centred(call: Call, operands: Sequence[Tensor], index: int) -> Tensor:
    """`q - z` of one operand, int64, its shape."""
    return operands[index] - zero_points(call.inputs[index])


def to_codes(spec: TensorSpec, rounded: Tensor) -> Tensor:
    """`clamp(rounded + zero_point)`: int64 codes of `spec`, for ops that do not end in the requantizer."""
    low, high = spec.code_range
    return clamp(rounded + zero_points(spec), low, high)


def requantize(call: Call, accumulator: Tensor, channel_axis: int, stages: Stages | None) -> Tensor:
    """The output codes of a step, by the requantizer that its datapath has for the op.

    accumulator: int64, the output's shape; the contract's `check` proves that every intermediate stays
    below 2**63. Constants: one, or one per index of channel_axis. Records the stages "accumulator" and
    "rounded", which is the value in front of the zero point. Returns int64 codes of the output.
    """
    rank = accumulator.ndim
    constants = {
        role: _thresholds_along(constant(call, role), channel_axis, rank)
        if role == "thresholds"
        else along(constant(call, role), channel_axis, rank)
        for role in call.requantizer.roles
    }
    found = step_pipeline(call, accumulator, constants)
    if stages is not None:
        stages.update(accumulator=accumulator, rounded=before_zero_point(found))
    return found["output"]


def requantize_part(call: Call, part: Tensor, index: int) -> Tensor:
    """The output codes of one of several inputs that each have constants of their own (concat).

    part: int64, any shape, `q - z` of input `index`. Returns int64 codes of its shape.
    """
    constants = {role: constant(call, role)[index] for role in call.requantizer.roles}
    return step_pipeline(call, part, constants)["output"]


def scaled(call: Call, accumulator: Tensor, multiplier: Tensor, shift: Tensor) -> Tensor:
    """What the step's requantizer has of an accumulator in front of the zero point; all int64, broadcastable."""
    zero = torch.zeros(1, dtype=torch.int64)
    operands = {"accumulator": accumulator, "multiplier": multiplier, "shift": shift}
    return before_zero_point(pipeline(call.requantizer, **operands, zero_point=zero, low=zero, high=zero))


def step_pipeline(call: Call, accumulator: Tensor, constants: Mapping[str, Tensor]) -> Stages:
    """All stages of a step's requantizer. A program has no bias, no offset and no unsigned input there."""
    low, high = (torch.tensor(end, dtype=torch.int64) for end in call.output.code_range)
    return pipeline(
        call.requantizer,
        accumulator=accumulator,
        multiplier=constants.get("multiplier"),
        shift=constants.get("shift"),
        thresholds=constants.get("thresholds"),
        zero_point=zero_points(call.output),
        low=low,
        high=high,
    )


def _thresholds_along(values: Tensor, axis: int, rank: int) -> Tensor:
    """[1 or channels, count] -> [..., count], its leading axes broadcastable against a tensor of `rank` axes."""
    shape = [1] * rank
    shape[axis] = values.shape[0]
    return values.reshape(*shape, values.shape[1])
