"""Proofs about widths: no intermediate of a step leaves the register that holds it.

Interval arithmetic on exact integers, used at lowering (which stores the bound in the Program) and
again when a Program is loaded (which proves it anew: a bound in a file is a claim, not a proof).
"""

from __future__ import annotations

import numpy as np

from bittrue.spec.arithmetic import INT64_LIMIT, code_range, signed_bits
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call

Interval = tuple[int, int]


def product(a: Interval, b: Interval) -> Interval:
    """The interval of x * y for x in a and y in b."""
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def centred(call: Call, index: int) -> Interval:
    """The interval of code - zero_point of one input over all its channels."""
    spec = call.inputs[index]
    low, high = spec.code_range
    return low - max(spec.zero_point), high - min(spec.zero_point)


def weighted_bound(call: Call, weight: np.ndarray) -> AccumulatorBound:
    """Bound of `bias + sum q * w` for each output channel, over all partial sums in any order.

    weight: [output channels, taps], any integer dtype. Padded taps read a zero point, which `check`
    has shown to be a code, so the code range covers them.
    """
    low, high = multiplied(call, 0)
    w = register_codes(call, weight.astype(np.int64), call.datapath.mac.weight_bits_max)
    # A partial sum has seen an arbitrary subset of the taps, so a tap may also contribute nothing.
    least = np.minimum(np.minimum(w * low, w * high), 0).sum(axis=1)
    most = np.maximum(np.maximum(w * low, w * high), 0).sum(axis=1)
    bias = call.constants["bias"].astype(np.int64)
    if call.datapath.mac.bias == "first" and not call.datapath.mac.k_tile:  # a tile's own sum has no bias in it
        return AccumulatorBound(int((least + bias).min()), int((most + bias).max()))
    return AccumulatorBound(int((least + np.minimum(bias, 0)).min()), int((most + np.maximum(bias, 0)).max()))


def contraction_bound(call: Call, length: int, *, along_last_axis: tuple[bool, bool]) -> AccumulatorBound:
    """Bound of `sum (a - za) * (b - zb)` over `length` terms.

    along_last_axis: whether the sum runs along a's and along b's last axis, which is where a proved row
    sum holds.
    """
    a, b = contracted(call, 0), contracted(call, 1)
    low, high = product(a, b)
    low, high = min(low, 0) * length, max(high, 0) * length
    for index, other in ((0, b), (1, a)):
        row_sum = call.inputs[index].row_sum_max
        if row_sum is not None and along_last_axis[index]:
            reach = row_sum * max(abs(other[0]), abs(other[1]))
            low, high = max(low, -reach), min(high, reach)
    return AccumulatorBound(low, high)


def contracted(call: Call, index: int) -> Interval:
    """What the multiplier of matmul and weighted_sum sees of one operand. Raw unsigned registers have no place
    for a zero point."""
    spec = call.inputs[index]
    if call.datapath.mac.products == "signed":
        return centred(call, index)
    if any(spec.zero_point):
        raise IllFormed(
            "a multiplier that reads its registers as unsigned cannot subtract a zero point",
            where=f"{call.step}: tensor {spec.name}",
            got=f"zero point {spec.zero_point[0]}",
            expected="0",
            next_step='set tensors.zero_points = "none", or mac.products = "signed"',
        )
    return code_range(spec.bits, signed=False)


def any_data_bound(call: Call) -> AccumulatorBound:
    """Bound of a step's accumulator for any data and any weights of the datapath's width.

    What a designer must provide who does not know the network: the step's own biases, but no weight, no
    softmax row sum. Never tighter than the proved bound.
    """
    bound, gemm = call.op.bound(call), call.op.work(call).gemm
    if bound is None or gemm is None:
        if bound is None:
            raise IllFormed("a step without an accumulator has no bound", where=call.step)
        return bound
    if "weight" not in call.constants:
        low, high = product(contracted(call, 0), contracted(call, 1))
        return AccumulatorBound(min(low, 0) * gemm.k, max(high, 0) * gemm.k)
    mac = call.datapath.mac
    low, high = product(multiplied(call, 0), code_range(mac.weight_bits_max, signed=mac.products == "signed"))
    bias = call.constants["bias"]
    return AccumulatorBound(
        min(low, 0) * gemm.k + min(int(bias.min()), 0), max(high, 0) * gemm.k + max(int(bias.max()), 0)
    )


def held_accumulator(call: Call) -> AccumulatorBound:
    """What the accumulator register can hold at the end: the proved bound, or its own range when the
    datapath lets it overflow."""
    bound = call.bound
    if bound is None:
        raise IllFormed("a step with an accumulator has no bound", where=call.step)
    mac = call.datapath.mac
    if call.accumulator_proved or (mac.overflow == "exact" and not mac.wraps):
        held = bound
    elif mac.wraps or mac.overflow == "saturate":
        held = _full(mac.accumulator_bits)
    else:
        # What saturates in an adder or between tiles moves towards 0, and the bound of a tiled sum holds with and
        # without its bias: the sum stays between the ends of its taps, as the exact one does.
        held = bound if mac.overflow == "exact" else _within(bound, mac.accumulator_bits)
    return held if mac.output_bits is None else _within(held, mac.output_bits)


def _within(bound: AccumulatorBound, bits: int) -> AccumulatorBound:
    full = _full(bits)
    return AccumulatorBound(max(bound.low, full.low), min(bound.high, full.high))


def _full(bits: int) -> AccumulatorBound:
    return AccumulatorBound(*code_range(bits, signed=True))


def multiplied(call: Call, index: int) -> Interval:
    """What the multiplier of conv2d and linear sees of one operand: raw codes, raw registers, or codes with the
    zero point subtracted."""
    mac, spec = call.datapath.mac, call.inputs[index]
    if mac.zero_point == "subtracted":
        return centred(call, index)
    return spec.code_range if mac.products == "signed" else code_range(spec.bits, signed=False)


def register_codes(call: Call, codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes as the multiplier reads their registers of `bits` bits."""
    return codes if call.datapath.mac.products == "signed" else codes & ((1 << bits) - 1)


def check_accumulator(call: Call) -> None:
    """Refuse a step whose accumulator may overflow where the datapath does not say what then happens,
    or whose exact sum does not fit 63 bits and a sign."""
    bound = call.bound
    if bound is None:
        return
    mac = call.datapath.mac
    if bound.bits > mac.accumulator_bits and mac.overflow == "refuse":
        raise IllFormed(
            "the accumulator may overflow and the datapath refuses overflow",
            where=call.step,
            got=f"partial sums in {bound.low}..{bound.high}, {bound.bits} bits",
            expected=f"at most {mac.accumulator_bits} bits",
            next_step='widen mac.accumulator_bits, or set mac.overflow to "wrap", "saturate" or "saturate_at_end"',
        )
    check_int64(call, "exact accumulator", bound.magnitude)


def check_int64(call: Call, what: str, magnitude: int) -> None:
    """Refuse an intermediate that may reach 2**63 (docs/design.md, decision 2)."""
    if magnitude >= INT64_LIMIT:
        raise IllFormed(
            f"the {what} may not fit 63 bits and a sign",
            where=call.step,
            got=f"magnitude up to 2**{magnitude.bit_length()}",
            expected="below 2**63",
            next_step="narrow the operands, the multiplier or the reduction",
        )


def check_width(call: Call, what: str, interval: Interval, bits: int) -> None:
    """Refuse a value whose interval needs more than `bits` two's complement bits."""
    needed = signed_bits(*interval)
    if needed > bits:
        raise IllFormed(
            f"the {what} needs more bits than the datapath has",
            where=call.step,
            got=f"{interval[0]}..{interval[1]}, {needed} bits",
            expected=f"at most {bits} bits",
        )
