"""Stimuli of the matrix product.

Directed: every activation against every kind of weight; one product at a time at every position of rows of many
lengths, with weights that tell position and column apart; sums that end at the register's ends and leave it, by
biases solved for them; carries through the whole register; unsigned codes, zero points and probabilities.
"""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, walking, walking_signed
from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.registers import mac_served, never_past
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.mac import Mac
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

COLUMNS = 16
"""Of the array; a set of fewer leaves some of it unused."""


def mac_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `mac`."""
    mac = mac_served(datapath)
    rng = generator(seed, "mac", kind)
    if kind == "directed":
        sets = (*_operands(rng), *_positions(rng), *_lengths(mac, rng), *_ends(mac, rng), *_carries(mac, rng))
    else:
        sets = tuple(_drawn(mac, rng, kind, k) for k in (16, 72, 144))
    # What no step may bring about is not driven either.
    return tuple(found for found in sets if mac.overflow != "refuse" or _stays(mac, found))


def _stays(mac: Mac, found: Stimuli) -> bool:
    """Whether no partial sum of a set leaves the register."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    a = found.driven["activations"] - found.constants["activation_zero_point"]
    w = found.constants["weights"] - found.constants["weight_zero_point"]
    partial = np.cumsum(a[:, None, :] * w.T[None], axis=2) + found.constants["bias"][None, :, None]
    bias = found.constants["bias"]
    return bool(min(partial.min(), bias.min()) >= low and max(partial.max(), bias.max()) <= high)


def _set(
    name: str,
    activations: Integers | list[list[int]],
    weights: Integers,
    bias: Integers | int = 0,
    *,
    zero_points: tuple[int, int] = (0, 0),
    bits: int = 8,
    kind: StimulusKind = "directed",
) -> Stimuli:
    constants = {
        "weights": np.asarray(weights, np.int64),
        "bias": np.broadcast_to(np.asarray(bias, np.int64), weights.shape[1:]).copy(),
        "activation_zero_point": np.array(zero_points[0], np.int64),
        "weight_zero_point": np.array(zero_points[1], np.int64),
        "activation_bits": np.array(bits, np.int64),
        "weight_bits": np.array(8, np.int64),
    }
    return Stimuli("mac", name, kind, {"activations": np.asarray(activations, np.int64)}, constants)


def _operands(rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """One product a sum: every signed activation, every unsigned one, against 16 kinds of weight each."""
    every = np.arange(-128, 128, dtype=np.int64)[:, None]
    ones = np.array([[1, 2, 4, 8, 16, 32, 64, -128, 127, -1, 0, -127, 85, -86, 51, -52]], np.int64)
    zeros = np.array([[-2, -3, -5, -9, -17, -33, -65, 3, 7, 15, 31, 63, 126, -64, 101, -100]], np.int64)
    return (
        _set("one_product", rng.permutation(every), ones),
        _set("one_product_more", rng.permutation(every), zeros),
        _set("unsigned_product", rng.permutation(every + 128), ones),
        _set("probability_product", rng.permutation(walking(16))[:, None], ones, bits=16),
    )


def _unlike(k: int, n: int) -> Integers:
    """Weights [k, n], no two alike in a row or a column as far as 8 bits allow: position and column can be told."""
    return (37 * np.arange(k, dtype=np.int64)[:, None] + 101 * np.arange(n, dtype=np.int64) + 5) % 255 - 127


def _positions(rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """One activation at a time at every position; rows of zeros and full rows between."""
    sets = []
    for k, n in ((16, COLUMNS), (17, COLUMNS), (15, COLUMNS), (32, COLUMNS), (37, 5), (2, COLUMNS), (33, 1)):
        weights = _unlike(k, n)
        if (k, n) == (16, COLUMNS):
            # Every code once: a transposed matrix shows in every place but the diagonal.
            weights = rng.permutation(256).astype(np.int64).reshape(16, 16) - 128
        eye = np.eye(k, dtype=np.int64)
        rows = [
            eye, -128 * eye, 127 * eye[::-1], between(rng, -128, 127, (8, k)), np.zeros((1, k), np.int64),
            np.full((1, k), 127), np.full((1, k), -128), np.zeros((1, k), np.int64), np.ones((1, k), np.int64), 1 - eye,
        ]  # fmt: skip
        sets.append(_set(f"positions_{k}x{n}", np.concatenate(rows), weights, between(rng, -5000, 5000, n)))
    zero = _set(
        "positions_no_bias",
        np.concatenate([127 * np.eye(16, dtype=np.int64), np.zeros((2, 16), np.int64)]),
        _unlike(16, 16),
    )
    return (*sets, zero)


def _lengths(mac: Mac, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Drawn and extreme rows of other lengths and formats: long ones, unsigned codes, zero points, probabilities."""

    def bias(magnitude: int) -> Integers:
        room = max(((1 << (mac.accumulator_bits - 1)) - 1 - magnitude) if never_past(mac) else magnitude, 0)
        return between(rng, -min(room, 1 << 30), min(room, 1 << 30), COLUMNS)

    def weights(k: int) -> Integers:
        return np.where(
            rng.integers(0, 3, (k, COLUMNS)) == 0,
            rng.choice([-128, 127, 0], (k, COLUMNS)),
            between(rng, -128, 127, (k, COLUMNS)),
        )

    def unsigned(k: int) -> Integers:
        return np.where(rng.integers(0, 3, (k, COLUMNS)) == 0, 255, between(rng, 0, 255, (k, COLUMNS)))

    def rows(k: int, low: int, high: int, count: int) -> Integers:
        drawn = between(rng, low, high, (count, k))
        ends = np.stack([np.full(k, low), np.full(k, high), np.where(np.arange(k) % 2 == 0, low, high)])
        return np.concatenate([drawn, ends, drawn * (np.arange(k) < k // 2), drawn[:2] * 0])

    half, most = 1 << 14, (1 << 16) - 1
    return (
        _set("signed_144", rows(144, -128, 127, 12), weights(144), bias(144 * half)),
        _set("signed_288", rows(288, -128, 127, 6), weights(288), bias(288 * half)),
        _set("unsigned_20", rows(20, 0, 255, 40), weights(20), bias(40 * half)),
        _set("zero_points_20", rows(20, -128, 127, 20), weights(20), bias(80 * half), zero_points=(-128, 3)),
        _set("zero_points_18", rows(18, -128, 127, 20), weights(18), bias(80 * half), zero_points=(127, -7)),
        _set("zero_points_16", rows(16, 0, 255, 20), weights(16), bias(80 * half), zero_points=(255, 0)),
        _set("zero_points_5", rows(5, -128, 127, 9), weights(5), bias(20 * half), zero_points=(85, -128)),
        _set("zero_points_7", rows(7, -128, 127, 9), weights(7), bias(28 * half), zero_points=(-86, 85)),
        _set("zero_points_9", rows(9, 0, 255, 9), unsigned(9), bias(50 * half), zero_points=(52, 255)),
        _set("unsigned_weights", rows(11, -128, 127, 9), unsigned(11), bias(40 * half), zero_points=(-52, 102)),
        _set("probabilities_3", rows(3, 0, most, 9), unsigned(3), bias(3 << 26), zero_points=(-128, -128), bits=16),
        _set("probabilities_49", rows(49, 0, most, 20), weights(49), bias(49 << 23), bits=16),
        *_largest_products(rng, most),
        *(_set(f"long_{k}", rows(k, -128, 127, 2), weights(k), bias(k * half)) for k in (1093, 2048)),
    )  # fmt: skip


def _largest_products(rng: np.random.Generator, most: int) -> tuple[Stimuli, ...]:
    """Probabilities and weights as far from their zero points as registers allow: the adder's ends, both signs."""
    sets = []
    for name, low, high, zero_point in (("above", 0, 255, -128), ("below", -128, 127, 255)):
        for k in (16, 33):
            end = high if zero_point < 0 else low
            weights = np.where(rng.integers(0, 4, (k, COLUMNS)) == 0, between(rng, low, high, (k, COLUMNS)), end)
            weights[:, ::4] = end
            codes = between(rng, 0, most, (24, k))
            codes[::3] = most
            codes[1::3] |= 1 << 15
            name_of = f"largest_{name}_{k}"
            sets.append(_set(name_of, codes, weights, 0, zero_points=(-128, zero_point), bits=16))
    return tuple(sets)


def _ends(mac: Mac, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Sums at both ends of the register and, where it may be left, past them and back."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    k = 18
    # Column by column another way to the same end; the first rows reach it with 0, +-1 and +-2 to spare.
    weights = np.ones((k, COLUMNS), np.int64)
    weights[1] = 2
    step = np.zeros((9, k), np.int64)
    step[:, 0] = (0, 1, -1, 2, -2, 3, -3, 4, -4)
    split = step.copy()
    split[:, 16] = 5
    split[:, 17] = -5
    offsets = np.array([0, 0, -1, 1, -2, 2, -3, 3], np.int64)
    ends = np.concatenate([high - np.abs(offsets), low + np.abs(offsets)])
    inside = np.concatenate([high - 40 - np.abs(offsets), low + 40 + np.abs(offsets)])
    sets = []
    if never_past(mac):
        up = np.concatenate([-np.abs(step), -np.abs(step[:, ::-1])])
        sets.append(
            _set("ends", np.concatenate([up, np.zeros((1, k), np.int64)]), weights[:, :8], high - np.abs(offsets))
        )
        sets.append(_set("lower_ends", -up, weights[:, :8], low + np.abs(offsets)))
        # From 40 below the end to the end itself.
        there = 20 * np.eye(k, dtype=np.int64)[:4] + 20 * np.eye(k, dtype=np.int64)[4:8]
        sets.append(_set("to_the_ends", np.concatenate([there, -there]), np.ones((k, COLUMNS), np.int64), inside))
    else:
        sets.append(_set("ends", np.concatenate([step, split, step[:, ::-1]]), weights, ends))
        sets.append(_set("near_ends", np.concatenate([step * 20, split * 9, -split * 7]), weights, inside))
        sets.append(_past_and_back(mac, rng))
        outside = np.concatenate([high + 1 + np.abs(offsets), low - 1 - np.abs(offsets)])
        kept = np.abs(outside) < 1 << (mac.bias_bits - 1)
        if kept.any():
            sets.append(_set("load", np.concatenate([step, split]), weights[:, kept], outside[kept]))
        sets.append(_both_ends(mac))
    zero = np.concatenate([step, np.zeros((2, k), np.int64)])
    return (*sets, _set("zero", zero, weights, np.array([0, -1, 1, -2, 2, -3, 3, 0] * 2)))


def _past_and_back(mac: Mac, rng: np.random.Generator) -> Stimuli:
    """Rows that go past an end with their first products and come back with their last, in one tile and over two."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    k = 35
    weights = np.tile(np.array([127, -128, 100, -1], np.int64), (k, COLUMNS // 4))
    rows = []
    for first, last in ((0, 1), (0, 15), (0, 34), (3, 16), (15, 16), (30, 34)):
        row = np.zeros(k, np.int64)
        row[first], row[last] = 127, -127
        rows += [row, -row, 2 * (row > 0) - 2 * (row < 0), row // 3]
    rows += [np.full(k, 127), np.full(k, -128), *between(rng, -128, 127, (30, k))]
    bias = np.concatenate([high - np.arange(8) * 1500, low + np.arange(8) * 1500])
    return _set("past_and_back", np.stack(rows), weights, bias)


def _both_ends(mac: Mac) -> Stimuli:
    """Rows that cross the whole register: as many of the largest products as that takes, then as many back."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    half = high // (65535 * 127) + 1
    k = 4 * half + 3
    weights = np.full((k, 4), 127, np.int64)
    weights[half + 1 :] = -128
    weights[:, 1::2] = -1 - weights[:, 1::2]
    rows = np.full((3, k), 65535, np.int64)
    rows[1, ::2] = 1
    rows[2, half + 1 :] = 0
    return _set("both_ends", rows, weights, np.array([0, 0, low, high]), bits=16)


def _carries(mac: Mac, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """A 1 that is added or taken away runs through each bit of the register; each bit alone as 0 and 1."""
    bits = mac.accumulator_bits
    ones = np.array([[1] + [0] * 2, [0, 0, 1], [-1, 0, 0], [0, 0, 0], [0, 1, 0]], np.int64)
    patterns = [value for bit in range(bits - 1) for value in ((1 << bit) - 1, -(1 << bit))]
    patterns += [int(x) for x in walking_signed(bits) if abs(int(x)) < (1 << (bits - 1)) - 2]
    size = -len(patterns) % COLUMNS
    values = np.array(patterns + patterns[:size], np.int64)
    return tuple(
        _set(
            f"carries_{index}",
            ones,
            np.ones((3, COLUMNS), np.int64),
            np.clip(part, -(1 << bits - 1) + 2, (1 << bits - 1) - 3),
        )
        for index, part in enumerate(values.reshape(-1, COLUMNS))
    )


def _drawn(mac: Mac, rng: np.random.Generator, kind: StimulusKind, k: int) -> Stimuli:
    """uniform: any codes; shaped: normal weights and activations, as layers have them."""
    rows = 400
    if kind == "uniform":
        a, w = between(rng, -128, 127, (rows, k)), between(rng, -128, 127, (k, COLUMNS))
    else:
        a = np.clip(np.rint(rng.normal(-30, 40, (rows, k))), -128, 127).astype(np.int64)
        w = np.clip(np.rint(rng.normal(0, 32, (k, COLUMNS))), -128, 127).astype(np.int64)
    return _set(f"{kind}_{k}", a, w, between(rng, -20000, 20000, COLUMNS), kind=kind)
