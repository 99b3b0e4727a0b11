"""Bins of the matrix product: operands, positions and lanes, lengths of K, and the accumulator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import toggle_bins
from bittrue.spec.coverage.registers import Sums, mac_served, register_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers

ARRAY = 16
"""Rows of the array of processing elements that K is cut for: the packaged machine's."""
PAIRS = tuple((a, w) for a in (-128, -1, 0, 1, 127, 255) for w in (-128, -1, 0, 1, 127))
LENGTHS: Mapping[str, str] = {
    "1": "one product",
    "one_tile": f"K is {ARRAY}",
    "one_less": f"K is {ARRAY - 1}",
    "one_more": f"K is {ARRAY + 1}",
    "tiles": f"K is a larger multiple of {ARRAY}",
    "part": f"K is above {ARRAY} and no multiple of it",
    "long": "K is 256 or more",
}
ACTIVATION_ZERO_POINTS = {"lowest": -128, "0": 0, "highest": 127, "unsigned": 255}


def mac_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `mac`."""
    mac = mac_served(datapath)
    first = mac.bias == "first"

    def load(seen: Seen) -> Integers:
        bias = seen.each("bias")
        return bias if first else np.zeros_like(bias)

    def partial(seen: Seen) -> Integers:
        return seen.once("partial", lambda: _partial(seen, bias_first=first))

    def exact(seen: Seen) -> Integers:
        return seen.once("exact", lambda: _activations(seen) @ _weights(seen) + seen.arrays["bias"])

    if not first:
        fits = "the register is loaded with 0"
    else:
        narrow = mac.bias_bits <= mac.accumulator_bits
        fits = f"a bias has {mac.bias_bits} bits, the register {mac.accumulator_bits}" if narrow else ""
    return points(
        register_points(mac, Sums(load, partial, exact, fits)),
        [_length(label) for label in LENGTHS],
        [_pair(a, w) for a, w in PAIRS],
        [_zero_point(label, value) for label, value in ACTIVATION_ZERO_POINTS.items()],
        [
            Point(Bin("weight_zero_point/0", "the weights' zero point is 0"), lambda seen: _weight_zero(seen, True)),
            Point(Bin("weight_zero_point/other", "it is another"), lambda seen: _weight_zero(seen, False)),
            Point(Bin("activation/probability", "an activation of more than 8 bits"), _probability),
        ],
        toggle_bins("activation", lambda seen: seen.arrays["activations"], range(8)),
        [_weight_bit(bit, level) for bit in range(8) for level in (0, 1)],
        [_lane(lane) for lane in range(ARRAY)],
        [_position(label) for label in ("first", "last")],
        [Point(Bin("after/0", "a register ends at 0 behind a row in which it did not"), _cleared)],
    )


def _activations(seen: Seen) -> Integers:
    return seen.arrays["activations"] - seen.one("activation_zero_point")


def _weights(seen: Seen) -> Integers:
    return seen.arrays["weights"] - seen.one("weight_zero_point")


def _partial(seen: Seen, *, bias_first: bool) -> Integers:
    """[m, n, k] or, where the bias is last, [m, n, k + 1]."""
    behind = np.cumsum(_activations(seen)[:, None, :] * _weights(seen).T[None], axis=2)
    bias = np.broadcast_to(seen.arrays["bias"], behind.shape[1:2])[None, :, None]
    return behind + bias if bias_first else np.concatenate([behind, behind[:, :, -1:] + bias], axis=2)


def _length(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        k = seen.arrays["activations"].shape[1]
        return np.array(
            {
                "1": k == 1,
                "one_tile": k == ARRAY,
                "one_less": k == ARRAY - 1,
                "one_more": k == ARRAY + 1,
                "tiles": k > ARRAY and k % ARRAY == 0,
                "part": k > ARRAY and k % ARRAY != 0,
                "long": k >= 256,
            }[label]
        )

    return Point(Bin(f"length/{label}", LENGTHS[label]), reached)


def _pair(a: int, w: int) -> Point:
    def reached(seen: Seen) -> Mask:
        rows = (seen.arrays["weights"] == w).any(axis=1)
        mask: Mask = (seen.arrays["activations"][:, rows] == a).any(axis=1)
        return mask

    return Point(Bin(f"operands/{a}.{w}", f"an activation of {a} meets a weight of {w}"), reached)


def _zero_point(label: str, value: int) -> Point:
    return Point(
        Bin(f"activation_zero_point/{label}", f"the activations' zero point is {value}"),
        lambda seen: np.array(seen.one("activation_zero_point") == value),
    )


def _weight_zero(seen: Seen, zero: bool) -> Mask:
    return np.array((seen.one("weight_zero_point") == 0) == zero)


def _probability(seen: Seen) -> Mask:
    return np.asarray((seen.arrays["activations"] > 255).any(axis=1), np.bool_)


def _weight_bit(bit: int, level: int) -> Point:
    def reached(seen: Seen) -> Mask:
        rows = (((seen.arrays["weights"] >> bit) & 1) == level).any(axis=1)
        mask: Mask = (_activations(seen)[:, rows] != 0).any(axis=1)
        return mask

    return Point(Bin(f"weight.bits/{bit}={level}", f"bit {bit} of a weight that counts is {level}"), reached)


def _lane(lane: int) -> Point:
    def reached(seen: Seen) -> Mask:
        a = _activations(seen)
        elsewhere = np.arange(a.shape[1]) % ARRAY != lane
        mask: Mask = (a[:, elsewhere] == 0).all(axis=1) & (a != 0).any(axis=1) & (a.shape[1] > 1)
        return mask

    return Point(Bin(f"lane/{lane}", f"only lane {lane} of a beat of {ARRAY} has a product"), reached)


def _position(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        there = _activations(seen) != 0
        mask: Mask = (there.sum(axis=1) == 1) & there[:, 0 if label == "first" else -1] & (there.shape[1] > ARRAY)
        return mask

    return Point(Bin(f"only/{label}", f"only the {label} of more than {ARRAY} products is not 0"), reached)


def _cleared(seen: Seen) -> Mask:
    register = seen.each("register")
    mask = np.zeros(register.shape, bool)
    mask[1:] = (register[1:] == 0) & (register[:-1] != 0)
    return mask
