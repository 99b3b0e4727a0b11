"""One other rule: how a datapath, what is driven, or what comes out would change if a design followed it.

A rule is a guess about a design, never a statement of the contract: it changes what one unit is given or is, runs the
unit as it stands, and is believed only where every word that the design made comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Stimuli

Integers = NDArray[np.int64]
Results = Mapping[str, Integers]
Run = Callable[[Datapath, Stimuli], Results]
"""Runs a unit: every stage, then "output"."""


@dataclass(frozen=True)
class Rule:
    """A change that a design may have made."""

    name: str
    """As one would write it: "requantization.rounding=floor", "shift+1"."""
    says: str
    """What the design would do, in words."""
    datapath: Callable[[Datapath], Datapath] | None = None
    stimuli: Callable[[Stimuli], Stimuli] | None = None
    results: Callable[[Results, Stimuli], Results] | None = None
    """What it does with the unit's own results; given the stimuli as the contract has them."""
    looks_back: bool = False
    """Whether a vector's result depends on the vectors before it, so that no sample can stand for all."""

    def apply(self, run: Run, datapath: Datapath, stimuli: Stimuli) -> Results:
        """What the unit makes under this rule; raises what the unit raises where the rule makes no sense."""
        found = run(
            self.datapath(datapath) if self.datapath else datapath,
            self.stimuli(stimuli) if self.stimuli else stimuli,
        )
        return self.results(found, stimuli) if self.results else found


def field(section: str, name: str, value: object, says: str) -> Rule:
    """A rule that is another value of one field of the datapath."""
    return fields(section, {name: value}, says)


def fields(section: str, values: Mapping[str, object], says: str) -> Rule:
    """A rule that is other values of fields of one section; an impossible combination raises ValueError."""

    def change(datapath: Datapath) -> Datapath:
        old = getattr(datapath, section)
        new = type(old).model_validate({**old.model_dump(), **values})
        return datapath.model_copy(update={section: new})

    return Rule(", ".join(f"{section}.{name}={value}" for name, value in values.items()), says, datapath=change)


def port(name: str, change: Callable[[Integers], Integers], spelling: str, says: str) -> Rule:
    """A rule that reads one array otherwise; `spelling` is its name."""

    def changed(stimuli: Stimuli) -> Stimuli:
        arrays = stimuli.arrays
        return with_arrays(stimuli, {name: change(arrays[name])}) if name in arrays else stimuli

    return Rule(spelling, says, stimuli=changed)


def lower_bits(name: str, bits: int, says: str) -> Rule:
    """A rule that reads the lower bits of one array as an unsigned number."""
    return port(name, lambda values: values & ((1 << bits) - 1), f"{name}&(2**{bits}-1)", says)


def without_bits(name: str, dropped: int, says: str) -> Rule:
    """A rule that loses the lowest bits of one array."""
    return port(name, lambda values: values >> dropped << dropped, f"{name} without {dropped} bits", says)


def wrapped(name: str, bits: int, says: str) -> Rule:
    """A rule that keeps one array in a narrower two's complement register."""
    half = 1 << (bits - 1)
    return port(name, lambda values: ((values + half) & ((1 << bits) - 1)) - half, f"{name} of {bits} bits", says)


def with_arrays(stimuli: Stimuli, arrays: Mapping[str, Integers]) -> Stimuli:
    """The same set with other arrays: constants stay constants, what counts the vectors is driven."""
    driven = {name: array for name, array in stimuli.driven.items() if name not in arrays}
    constants = dict(stimuli.constants)
    for name, array in arrays.items():
        counted = array.ndim > 0 and len(array) == stimuli.vectors and name not in stimuli.constants
        (driven if counted else constants)[name] = array
    return Stimuli(stimuli.unit, stimuli.name, stimuli.kind, driven, constants)


def stale(name: str) -> list[Rule]:
    """Rules that read one driven array a vector late: a register that one beat does not load, 0 or loaded at first."""

    def late(stimuli: Stimuli, first: int) -> Stimuli:
        array = stimuli.driven[name]
        return with_arrays(stimuli, {name: np.concatenate([first * array[:1], array[:-1]])})

    return [
        Rule(
            f"{name} a vector late",
            f"{name} is that of the vector before",
            stimuli=lambda stimuli, first=first: late(stimuli, first),  # type: ignore[misc]
            looks_back=True,
        )
        for first in (1, 0)
    ]


def late_output() -> list[Rule]:
    """Rules that give each output a vector late, 0 or the first one at first."""

    def late(found: Results, first: int) -> Results:
        output = np.asarray(found["output"])
        return {**found, "output": np.concatenate([first * output[:1], output[:-1]])}

    return [
        Rule(
            "output a vector late",
            "the output is that of the vector before",
            results=lambda found, stimuli, first=first: late(found, first),  # type: ignore[misc]
            looks_back=True,
        )
        for first in (1, 0)
    ]
