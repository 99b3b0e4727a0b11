"""Other rules that a unit might follow by mistake, one file a unit; names as in spec/units/catalog.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from bittrue.golden.diagnosis.rule import Rule
from bittrue.golden.diagnosis.rules import activation, add, elements, mac, norm, requantize, softmax
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.activation.unit import Function
from bittrue.spec.vectors import Stimuli

RULES: Mapping[str, Callable[[Datapath, Stimuli], list[Rule]]] = {
    "mac": mac.rules,
    "accumulate": mac.rules_of_register,
    "requantize": requantize.rules,
    "add": add.rules,
    "mul": elements.rules_of_product,
    "mean": elements.rules_of_mean,
    "table": elements.rules_of_table,
    "softmax": softmax.rules,
    "norm": norm.rules,
    **{function: activation.rules_of(function) for function in get_args(Function)},
}
"""`rules(datapath, stimuli)`: what to try, the likelier first. A unit without a line is diagnosed without rules."""
