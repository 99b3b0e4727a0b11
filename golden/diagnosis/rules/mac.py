"""MAC arrays that are nearly right: widths, overflow, signs, tiles, lanes and biases taken otherwise."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Integers, Results, Rule, field, fields, port, stale, with_arrays, wrapped
from bittrue.golden.diagnosis.rules.add import swapped
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Stimuli

ACCUMULATOR_BITS = tuple(range(12, 41))
TILE = (4, 8, 16, 32, 64)
"""Rows of arrays that people build."""


def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else an array might do."""
    columns = stimuli.arrays["weights"].shape[1]
    return [
        *_overflows(datapath),
        *_tiled(datapath),
        field("mac", "products", "unsigned", "both operands are multiplied as unsigned numbers"),
        port("activations", lambda a: a & 255, "activations&255", "activations are read as unsigned bytes"),
        port("weights", lambda w: w & 255, "weights&255", "weights are read as unsigned bytes"),
        *_biases(),
        *(
            port(
                f"{name}_zero_point", np.zeros_like, f"{name}_zero_point=0", f"the zero point of {name}s is not applied"
            )
            for name in ("activation", "weight")
        ),
        *(
            port(
                f"{name}_zero_point",
                np.negative,
                f"-{name}_zero_point",
                f"the zero point of {name}s has the wrong sign",
            )
            for name in ("activation", "weight")
        ),
        Rule("weights transposed", "rows and columns of the weights are exchanged", stimuli=_transposed),
        *_lanes(),
        *_tiles(),
        *_carried(),
        port(
            "weights",
            lambda w: np.roll(w, 1, axis=1),
            "columns rotated",
            "column j multiplies the weights of column j - 1",
        ),
        port("weights", lambda w: w[:, ::-1].copy(), "columns reversed", f"the {columns} columns stand in reverse"),
        *stale("activations"),
    ]


def rules_of_register(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else the accumulator's register might do."""
    return [
        *_overflows(datapath),
        *_biases(),
        *(port(name, np.zeros_like, f"{name}=0", f"{name} does not arrive") for name in ("initial", "pre_shift")),
        port("addends", lambda x: x[:, :-1], "the last tile missing", "the last tile is not added"),
        port("addends", lambda x: x[:, 1:], "the first tile missing", "the first tile is not added"),
        port("addends", lambda x: x[:, ::-1].copy(), "tiles reversed", "tiles are added in reverse order"),
        swapped("bias", "initial"),
        *(rule for name in stimuli.driven for rule in stale(name)),
        *_carried(),
    ]


def _overflows(datapath: Datapath) -> list[Rule]:
    own = (datapath.mac.accumulator_bits, datapath.mac.overflow)
    widths = sorted({*ACCUMULATOR_BITS, own[0]}, key=lambda bits: (bits != own[0], bits))
    return [
        fields("mac", {"accumulator_bits": bits, "overflow": rule}, f"a {bits}-bit accumulator that {says}")
        for bits in widths
        for rule, says in (
            ("wrap", "wraps"),
            ("saturate", "saturates at each addition"),
            ("saturate_at_end", "saturates once, at the end"),
        )
        if (bits, rule) != own
    ]


def _tiled(datapath: Datapath) -> list[Rule]:
    """Registers in front of the accumulator, behind it and between tiles, and sums that saturate once a tile."""
    found = [
        fields(
            "mac",
            {"accumulator_bits": bits, "overflow": "saturate", "k_tile": rows},
            f"a {bits}-bit accumulator that saturates once in {rows} products",
        )
        for rows in TILE
        for bits in ACCUMULATOR_BITS
    ]
    for name, says in (
        ("adder", "the adders along a column have {} bits and {}, in tiles of {}"),
        ("spill", "the partial sum is kept in {} bits and {} between tiles of {}"),
    ):
        found += [
            fields(
                "mac",
                {f"{name}_bits": bits, f"{name}_overflow": overflow, "k_tile": rows},
                says.format(bits, "wraps" if overflow == "wrap" else "saturates", rows),
            )
            for rows in TILE
            for bits in range(12, 33)
            for overflow in ("wrap", "saturate")
        ]
    found += [
        field("mac", "output_bits", bits, f"the finished sum leaves saturated to {bits} bits") for bits in range(8, 32)
    ]
    return found


def _biases() -> list[Rule]:
    return [
        port("bias", np.zeros_like, "bias=0", "the bias does not arrive"),
        port("bias", np.negative, "-bias", "the bias is subtracted"),
        port("bias", lambda b: 2 * b, "2*bias", "the bias is added twice"),
        field("mac", "bias", "last", "the bias is added last"),
        field("mac", "bias", "first", "the accumulator is loaded with the bias"),
        *(wrapped("bias", bits, f"the bias wraps to {bits} bits") for bits in (8, 16, 20, 24)),
    ]


def _lanes() -> list[Rule]:
    def pairs(x: Integers) -> Integers:
        order = np.arange(x.shape[1]) ^ 1
        return x[:, np.where(order < x.shape[1], order, np.arange(x.shape[1]))]

    return [
        port("activations", pairs, "lanes 2i <-> 2i+1", "neighbouring lanes of the activations are exchanged"),
        port(
            "activations", lambda a: a[:, ::-1].copy(), "activations reversed", "a row of activations stands in reverse"
        ),
        port(
            "activations",
            lambda a: np.roll(a, 1, axis=1),
            "lanes rotated",
            "lane i carries the activation of lane i - 1",
        ),
    ]


def _tiles() -> list[Rule]:
    found = [port("activations", _without_last, "the last product missing", "the last product of a row is left out")]
    for rows in TILE:

        def first(stimuli: Stimuli, rows: int = rows) -> Stimuli:
            activations = stimuli.arrays["activations"].copy()
            activations[:, : max(0, (activations.shape[1] - 1) // rows * rows)] = _zero(stimuli)
            return with_arrays(stimuli, {"activations": activations})

        def partial(stimuli: Stimuli, rows: int = rows) -> Stimuli:
            activations = stimuli.arrays["activations"].copy()
            activations[:, activations.shape[1] // rows * rows :] = _zero(stimuli)
            return with_arrays(stimuli, {"activations": activations})

        def reversed_lanes(stimuli: Stimuli, rows: int = rows) -> Stimuli:
            activations = stimuli.arrays["activations"].copy()
            for start in range(0, activations.shape[1] - rows + 1, rows):
                activations[:, start : start + rows] = activations[:, start : start + rows][:, ::-1].copy()
            return with_arrays(stimuli, {"activations": activations})

        def first_two(stimuli: Stimuli, rows: int = rows) -> Stimuli:
            activations = stimuli.arrays["activations"]
            order = np.arange(activations.shape[1])
            swapped_lanes = np.where(order % rows < 2, order ^ 1, order)
            kept = np.where(swapped_lanes < len(order), swapped_lanes, order)
            return with_arrays(stimuli, {"activations": activations[:, kept]})

        found += [
            Rule(f"lanes 0 <-> 1 of {rows}", f"lanes 0 and 1 of {rows} are exchanged", stimuli=first_two),
            Rule(f"only the last tile of {rows}", f"the sum restarts with every {rows} products", stimuli=first),
            Rule(
                f"partial tile of {rows} missing",
                f"a last tile of less than {rows} products is dropped",
                stimuli=partial,
            ),
            Rule(
                f"lanes reversed in tiles of {rows}",
                f"lane i of {rows} carries lane {rows - 1} - i",
                stimuli=reversed_lanes,
            ),
        ]
    return found


def _without_last(activations: Integers) -> Integers:
    """Multiplied by nothing where the zero point is 0."""
    found = activations.copy()
    found[:, -1] = 0
    return found


def _zero(stimuli: Stimuli) -> Integers:
    """The code that adds nothing."""
    return stimuli.arrays.get("activation_zero_point", np.zeros((), np.int64)).reshape(-1)[:1]


def _transposed(stimuli: Stimuli) -> Stimuli:
    weights = stimuli.arrays["weights"]
    if weights.shape[0] == weights.shape[1]:
        return with_arrays(stimuli, {"weights": weights.T.copy()})
    # A memory that is filled by columns and read by rows.
    return with_arrays(stimuli, {"weights": weights.T.copy().reshape(weights.shape)})


def _carried() -> list[Rule]:
    """Each row on top of the rows before it, with its bias or without; exact as long as nothing overflows."""

    def with_bias(found: Results, stimuli: Stimuli) -> Results:
        return {name: np.cumsum(values, axis=0) for name, values in found.items()}

    def without_bias(found: Results, stimuli: Stimuli) -> Results:
        bias = stimuli.arrays.get("bias", np.zeros((), np.int64))
        return {name: np.cumsum(values - bias, axis=0) + bias for name, values in found.items()}

    def from_zero(found: Results, stimuli: Stimuli) -> Results:
        bias = stimuli.arrays.get("bias", np.zeros((), np.int64))
        return {name: np.cumsum(values - bias, axis=0) for name, values in found.items()}

    says = "the accumulator is not cleared between rows"
    return [
        Rule("stale accumulator", says, results=results, looks_back=True)
        for results in (with_bias, without_bias, from_zero)
    ]
