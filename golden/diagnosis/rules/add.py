"""Adders of two scales that are nearly right."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Results, Rule, field, lower_bits, port, stale, with_arrays
from bittrue.golden.diagnosis.rules.requantize import code_bits, roundings, saturations, shifts, zero_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd
from bittrue.spec.vectors import Stimuli

SUM_BITS = (32, 36, 40, 44, 48)
NOTHING = np.zeros((), np.int64)


def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else an add by two multipliers might do."""
    unit = datapath.add
    if not isinstance(unit, TwoMultipliersAdd):
        return []
    return [
        *roundings("add", unit.rounding),
        *(rule for name in ("zero_point", "zero_point_a", "zero_point_b") for rule in zero_points(name)),
        *saturations(code_bits(stimuli)),
        *shifts("shift"),
        swapped("multiplier_a", "multiplier_b"),
        swapped("zero_point_a", "zero_point_b"),
        swapped("a", "b"),
        *(_one_for_both(name) for name in ("multiplier_a", "multiplier_b")),
        port("b", np.zeros_like, "b=0", "b does not arrive"),
        port("a", np.zeros_like, "a=0", "a does not arrive"),
        *(port(name, lambda x: x & 255, f"{name}&255", f"{name} is read as an unsigned byte") for name in ("a", "b")),
        *(
            lower_bits(name, kept, f"only the lower {kept} bits of {name} are wired")
            for name in ("multiplier_a", "multiplier_b")
            for kept in (30, 16)
        ),
        *(
            field("add", "shifted_bits", bits, f"the rounded sum saturates to {bits} bits in front of the zero point")
            for bits in (8, 9, 16, 17)
        ),
        *(_from_sum(f"sum of {bits} bits", f"the sum wraps to {bits} bits", bits=bits) for bits in SUM_BITS),
        _from_sum("shift-1", "shift is one too short", factor=2),
        _minus_b(),
        *(rule for name in stimuli.driven for rule in stale(name)),
    ]


def _from_sum(name: str, says: str, *, bits: int = 63, factor: int = 1) -> Rule:
    """A rule about the sum: wrapped to `bits` and multiplied by `factor`, it goes through the unit as one operand.

    Twice the sum behind the same shift is the sum behind a shift that is one less, down to no shift at all.
    """
    half = 1 << (bits - 1)

    def summed(stimuli: Stimuli) -> Stimuli:
        arrays = {"zero_point_a": NOTHING, "zero_point_b": NOTHING, **stimuli.arrays}
        terms = [(arrays[name] - arrays[f"zero_point_{name}"]) * arrays[f"multiplier_{name}"] for name in ("a", "b")]
        held = ((terms[0] + terms[1] + half) & ((1 << bits) - 1)) - half if bits < 63 else terms[0] + terms[1]
        nothing = dict.fromkeys(("b", "zero_point_a", "zero_point_b", "multiplier_b"), NOTHING)
        return with_arrays(stimuli, {"a": held, "multiplier_a": np.array(factor, np.int64), **nothing})

    def results(found: Results, stimuli: Stimuli) -> Results:
        return {**found, "accumulator": found["accumulator"] // factor}

    return Rule(name, says, stimuli=summed, results=results)


def _minus_b() -> Rule:
    """b is subtracted with its zero point: b - z becomes z - b."""

    def mirrored(stimuli: Stimuli) -> Stimuli:
        arrays = stimuli.arrays
        zero_point = arrays.get("zero_point_b", NOTHING)
        return with_arrays(stimuli, {"b": 2 * zero_point - arrays["b"]})

    return Rule("a - b", "b is subtracted", stimuli=mirrored)


def swapped(one: str, other: str) -> Rule:
    """A rule that takes two arrays for each other."""

    def exchange(stimuli: Stimuli) -> Stimuli:
        arrays = stimuli.arrays
        if one not in arrays or other not in arrays:
            return stimuli
        return with_arrays(stimuli, {one: arrays[other], other: arrays[one]})

    return Rule(f"{one} <-> {other}", f"{one} and {other} are exchanged", stimuli=exchange)


def _one_for_both(name: str) -> Rule:
    def copied(stimuli: Stimuli) -> Stimuli:
        value = stimuli.arrays[name]
        return with_arrays(stimuli, {"multiplier_a": value, "multiplier_b": value})

    return Rule(f"{name} for both", f"both operands are multiplied by {name}", stimuli=copied)
