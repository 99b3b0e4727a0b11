"""The multiply-accumulate unit: sums of products, tile by tile, register by register.

One statement of spec/units/mac.py for conv2d, linear, matmul, weighted_sum, mean and avg_pool2d, and for the
unit alone. What differs between ops is which products are added; each judge lays those out along the axis K,
in the datapath's order, and says how long the tiles are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.fixed import held, read_unsigned, saturate, saturating_sum, shifted, wrap
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.op import Call
from bittrue.spec.units.mac import Mac

EXACT_IN_FLOAT64 = 1 << 53
"""float64 holds every integer below this magnitude; a sum whose every partial sum stays below is exact."""
LARGEST_SUM = 1 << 62
"""The unit alone proves no bound: it refuses products whose magnitudes sum to this or more, far from 2**63."""


def accumulate(
    call: Call, a: Tensor, b: Tensor, bias: Tensor | None = None, tiles: Sequence[int] | None = None
) -> Tensor:
    """What leaves the unit for `bias + sum over k of a[..., m, k] * b[..., k, n]`.

    a: int64 [..., M, K]. b: int64 [..., K, N], leading axes broadcastable. K runs in the datapath's order of
    accumulation. bias: int64, broadcastable to [..., M, N], or None for 0. tiles: how many products each
    tile has, where they are not k_tile each. Returns int64 [..., M, N].
    """
    bound, mac = call.bound, call.datapath.mac
    assert bound is not None, "a step with an accumulator has a proved bound"
    start = torch.zeros(1, dtype=torch.int64) if bias is None else bias
    # The bound may count the bias in every partial sum; the product alone may reach that much further.
    reach = bound.magnitude + int(start.abs().max())
    if in_order(call):
        return leave(mac, _walk(mac, a, b, torch.zeros_like(start), start, tiles, reach))
    total = _product(a, b, reach) + start
    least, most = int(total.min()), int(total.max())
    if least < bound.low or most > bound.high:
        raise OutOfDomain(
            "an accumulator leaves its proved bound: an input breaks what its tensor declares",
            where=call.step,
            got=f"{least}..{most}",
            expected=f"{bound.low}..{bound.high}",
        )
    return leave(mac, total if call.accumulator_proved else _end(mac, total))


def accumulate_addends(
    mac: Mac,
    addends: Tensor,
    bias: Tensor | None = None,
    initial: Tensor | None = None,
    pre_shift: Tensor | None = None,
) -> dict[str, Tensor]:
    """The accumulator behind the adders, alone: every addend is what one tile delivers.

    addends: int64 [rows, K], in the order in which they arrive. bias: int64 [rows].
    initial: int64 [rows], what the register holds beforehand (a sum that was begun elsewhere), 0 where None.
    pre_shift: int64 [rows], 0..63, right shift of the finished sum. All but addends may have one value for
    all rows. Returns int64 [rows] by name: "register", the finished sum, and "output", what leaves the unit.
    Raises OutOfDomain for sums that may reach 2**62.
    """
    ones = torch.ones(addends.shape[1], 1, dtype=torch.int64)
    behind_adders = mac.model_copy(update={"k_tile": 1, "adder_bits": None})
    found = _alone(behind_adders, addends.unsqueeze(1), ones, _column(bias), _column(initial), _column(pre_shift))
    return {name: value.reshape(addends.shape[0]) for name, value in found.items()}


def multiply_accumulate(
    mac: Mac,
    activations: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    *,
    activation_zero_point: Tensor | None = None,
    weight_zero_point: Tensor | None = None,
    activation_bits: int = 8,
    weight_bits: int = 8,
) -> dict[str, Tensor]:
    """The unit alone: a matrix product, K ascending.

    activations: int64 [M, K] codes. weights: int64 [K, N] codes. bias: int64 [N] or [1]. Zero points: int64,
    broadcastable to their operand, subtracted in front of the multiplier. activation_bits, weight_bits:
    widths of the operands' registers, which only unsigned products read.
    Returns int64 [M, N] by name: "register", the finished sum, and "output", what leaves the unit.
    Raises OutOfDomain for sums that may reach 2**62.
    """
    a = activations if activation_zero_point is None else activations - activation_zero_point
    b = weights if weight_zero_point is None else weights - weight_zero_point
    if mac.products == "unsigned":
        a, b = read_unsigned(a, activation_bits), read_unsigned(b, weight_bits)
    return _alone(mac, a, b, bias, None, None)


def leave(mac: Mac, register: Tensor, pre_shift: Tensor | int = 0) -> Tensor:
    """A finished sum as it leaves the unit: shifted right, then saturated to output_bits where there are."""
    value = shifted(register, pre_shift, mac.output_rounding)
    return value if mac.output_bits is None else saturate(value, mac.output_bits)


def in_order(call: Call) -> bool:
    """Whether a step's sums must be walked product by product, because order and tiles decide what they are."""
    return not call.accumulator_proved and not at_once(call.datapath.mac)


def at_once(mac: Mac) -> bool:
    """Whether the exact sum, put through the overflow rule once, is what the unit holds at the end.

    So it is without registers in front of or beside the accumulator, unless that saturates at every step.
    A chain of wrapping registers, none narrower than the accumulator, keeps all of the accumulator's bits.
    """
    inner = [
        (bits, overflow)
        for bits, overflow in ((mac.adder_bits, mac.adder_overflow), (mac.spill_bits, mac.spill_overflow))
        if bits is not None
    ]
    if mac.overflow == "saturate":
        return False
    if mac.overflow == "wrap":
        return all(overflow == "wrap" and bits >= mac.accumulator_bits for bits, overflow in inner)
    return not inner


def _alone(
    mac: Mac, a: Tensor, b: Tensor, bias: Tensor | None, initial: Tensor | None, pre_shift: Tensor | None
) -> dict[str, Tensor]:
    """Stages "register" and "output" of operands that no contract has seen."""
    zero = torch.zeros(1, dtype=torch.int64)
    bias, initial = zero if bias is None else bias, zero if initial is None else initial
    magnitudes = a.abs().to(torch.float64) @ b.abs().to(torch.float64)
    reach = float((magnitudes + bias.abs() + initial.abs()).max())
    if reach >= LARGEST_SUM:
        raise OutOfDomain(
            "a sum may not fit 63 bits and a sign", got=f"magnitude up to {reach:.4g}", expected="< 2**62"
        )
    register = _walk(mac, a, b, initial, bias, None, int(reach) + 1)
    return {"register": register, "output": leave(mac, register, 0 if pre_shift is None else pre_shift)}


def _column(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows.reshape(-1, 1, 1)


def _walk(
    mac: Mac, a: Tensor, b: Tensor, initial: Tensor, bias: Tensor, tiles: Sequence[int] | None, reach: int
) -> Tensor:
    """The register after every load, tile and addition. reach: a bound of every partial sum's magnitude."""
    loaded = initial + bias if mac.bias == "first" else initial
    register = _load(mac, loaded + torch.zeros(*a.shape[:-1], b.shape[-1], dtype=torch.int64))
    begin = 0
    for length in _tiles(mac, a.shape[-1]) if tiles is None else tiles:
        if begin and mac.spill_bits is not None:
            register = held(register, mac.spill_bits, mac.spill_overflow)
        register = _load(
            mac, register + _tile(mac, a[..., begin : begin + length], b[..., begin : begin + length, :], reach)
        )
        begin += length
    assert begin == a.shape[-1], "the tiles hold every product once"
    if mac.bias == "last":
        register = _load(mac, register + bias)
    return saturate(register, mac.accumulator_bits) if mac.overflow == "saturate_at_end" else register


def _tiles(mac: Mac, products: int) -> list[int]:
    """Lengths of the tiles of a row: k_tile each, the last one what is left; one product each without k_tile."""
    length = mac.k_tile or 1
    return [min(length, products - begin) for begin in range(0, products, length)]


def _tile(mac: Mac, a: Tensor, b: Tensor, reach: int) -> Tensor:
    """The sum of one tile as its adder has it."""
    if mac.adder_bits is None:
        return _product(a, b, reach)
    if mac.adder_overflow == "wrap":  # wrapping at the end equals wrapping after each addition
        return wrap(_product(a, b, reach), mac.adder_bits)
    products = (a[..., k : k + 1] * b[..., k : k + 1, :] for k in range(a.shape[-1]))
    return saturating_sum(torch.zeros(1, dtype=torch.int64), products, mac.adder_bits)


def _load(mac: Mac, value: Tensor) -> Tensor:
    """What the accumulator holds of a value: R of the contract."""
    if mac.overflow in ("wrap", "saturate"):
        return held(value, mac.accumulator_bits, "wrap" if mac.overflow == "wrap" else "saturate")
    return value


def _end(mac: Mac, total: Tensor) -> Tensor:
    """An exact sum put through the overflow rule once."""
    return saturate(total, mac.accumulator_bits) if mac.overflow == "saturate_at_end" else _load(mac, total)


def _product(a: Tensor, b: Tensor, magnitude: int) -> Tensor:
    """The exact matrix product: by float64 where no partial sum reaches 2**53, else in int64."""
    if magnitude < EXACT_IN_FLOAT64:
        return (a.to(torch.float64) @ b.to(torch.float64)).to(torch.int64)
    return a @ b
