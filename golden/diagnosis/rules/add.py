"""Adders of two scales that are nearly right."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Rule, lower_bits, port, stale, with_arrays
from bittrue.golden.diagnosis.rules.requantize import code_bits, roundings, saturations, shifts, zero_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd
from bittrue.spec.vectors import Stimuli


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
        port("b", np.negative, "-b", "b is subtracted"),
        port("b", np.zeros_like, "b=0", "b does not arrive"),
        port("a", np.zeros_like, "a=0", "a does not arrive"),
        *(port(name, lambda x: x & 255, f"{name}&255", f"{name} is read as an unsigned byte") for name in ("a", "b")),
        *(
            lower_bits(name, kept, f"only the lower {kept} bits of {name} are wired")
            for name in ("multiplier_a", "multiplier_b")
            for kept in (30, 16)
        ),
        *(stale(name) for name in stimuli.driven),
    ]


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
