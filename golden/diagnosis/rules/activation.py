"""Activation units of their own that are nearly right, whatever their kind: every number that the datapath states for
them may be one off, every rounding another, every array of constants shifted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bittrue.golden.diagnosis.rule import Rule, late_output, port, stale
from bittrue.golden.diagnosis.rules.requantize import ROUNDED
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.activation.unit import Function
from bittrue.spec.vectors import Stimuli


def rules_of(function: Function) -> Callable[[Datapath, Stimuli], list[Rule]]:
    """What else the unit of one function might do."""

    def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
        return [
            *_fields(datapath, function),
            *(rule for name in stimuli.constants for rule in _constant(name, stimuli.constants[name])),
            port("codes", lambda x: x & 255, "codes&255", "codes are read as unsigned bytes"),
            port("codes", lambda x: np.where(x >= 0, x, x + 1), "codes+(codes<0)", "codes are in one's complement"),
            *(rule for name in stimuli.driven for rule in stale(name)),
            *late_output(),
        ]

    return rules


def _fields(datapath: Datapath, function: Function) -> list[Rule]:
    """Another rounding, and every number of the unit's description one or two off; limits of widths decide no bit."""
    found = []
    for name, value in datapath.activation[function].model_dump().items():
        if name == "rounding":
            others = {rule.value: says for rule, says in ROUNDED.items() if rule.value != str(value)}
            found += [_field(function, name, other, says) for other, says in others.items()]
        elif isinstance(value, int) and not isinstance(value, bool) and not name.endswith("_max"):
            found += [
                _field(function, name, value + by, f"{name.replace('_', ' ')} is {value + by}") for by in (1, -1, 2, -2)
            ]
        elif name == "wrap_bits":
            found += [_field(function, name, bits, f"the result wraps in {bits} bits") for bits in (8, 16)]
    return found


def _field(function: Function, name: str, value: object, says: str) -> Rule:
    def change(datapath: Datapath) -> Datapath:
        old = datapath.activation[function]
        new = type(old).model_validate({**old.model_dump(), name: value})
        return datapath.model_copy(update={"activation": {**datapath.activation, function: new}})

    return Rule(f"activation.{function}.{name}={value}", says, datapath=change)


def _constant(name: str, array: np.ndarray) -> list[Rule]:
    """A number one off or of the other sign; an array that is read one entry off or from the other end."""
    if array.size == 1:
        return [
            port(name, lambda x: x + 1, f"{name}+1", f"{name} is one too large"),
            port(name, lambda x: x - 1, f"{name}-1", f"{name} is one too small"),
            port(name, np.negative, f"-{name}", f"{name} has the wrong sign"),
        ]
    return [
        port(name, lambda x: np.roll(x, -1), f"{name}[i+1]", f"{name} is read one entry too high"),
        port(name, lambda x: np.roll(x, 1), f"{name}[i-1]", f"{name} is read one entry too low"),
        port(name, lambda x: x[::-1].copy(), f"{name} reversed", f"{name} stands in reverse"),
        port(name, np.abs, f"|{name}|", f"{name} loses its sign"),
    ]
