"""The accumulator register: exact, wrapping or saturating sums of products.

One rule for conv2d, linear, matmul, weighted_sum, mean and avg_pool2d; what differs between them is which products
are added, and each judge lays those out in the datapath's order along the axis K.
"""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor

from bittrue.golden.fixed import saturate, saturating_sum, wrap
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.op import Call

EXACT_IN_FLOAT64 = 1 << 53
"""float64 holds every integer below this magnitude; a sum whose every partial sum stays below is exact."""


def accumulate(call: Call, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """What the accumulator holds behind `bias + sum over k of a[..., m, k] * b[..., k, n]`.

    a: int64 [..., M, K]. b: int64 [..., K, N], leading axes broadcastable. K runs in the datapath's
    order of accumulation. bias: int64, broadcastable to [..., M, N], or None for 0.
    Returns int64 [..., M, N], after the datapath's overflow rule.
    """
    bound, mac = call.bound, call.datapath.mac
    assert bound is not None, "a step with an accumulator has a proved bound"
    start = torch.zeros(1, dtype=torch.int64) if bias is None else bias
    if not call.accumulator_proved and mac.overflow == "saturate":
        return _in_order(call, a, b, start)
    # The bound may count the bias in every partial sum; the product alone may reach that much further.
    total = _product(a, b, bound.magnitude + int(start.abs().max())) + start
    least, most = int(total.min()), int(total.max())
    if least < bound.low or most > bound.high:
        raise OutOfDomain(
            "an accumulator leaves its proved bound: an input breaks what its tensor declares",
            where=call.step,
            got=f"{least}..{most}",
            expected=f"{bound.low}..{bound.high}",
        )
    if call.accumulator_proved:
        return total
    assert mac.overflow == "wrap", "the program's check refuses an unproved accumulator that may not overflow"
    return wrap(total, mac.accumulator_bits)  # wrapping at the end equals wrapping after each addition


def _product(a: Tensor, b: Tensor, magnitude: int) -> Tensor:
    """The exact matrix product: by float64 where no partial sum reaches 2**53, else in int64."""
    if magnitude < EXACT_IN_FLOAT64:
        return (a.to(torch.float64) @ b.to(torch.float64)).to(torch.int64)
    return a @ b


def _in_order(call: Call, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
    """Saturate after the load and after every addition, K ascending, the bias first or last."""
    mac = call.datapath.mac
    products = (a[..., k : k + 1] * b[..., k : k + 1, :] for k in range(a.shape[-1]))
    if mac.bias == "first":
        return saturating_sum(saturate(bias, mac.accumulator_bits), products, mac.accumulator_bits)
    return saturating_sum(torch.zeros_like(bias), chain(products, (bias,)), mac.accumulator_bits)
