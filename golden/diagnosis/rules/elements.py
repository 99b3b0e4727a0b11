"""Products, means and tables that are nearly right."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Integers, Rule, port, stale
from bittrue.golden.diagnosis.rules import requantize
from bittrue.golden.diagnosis.rules.requantize import zero_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Stimuli


def rules_of_product(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a product of two activations might do: its operands', then its requantizer's."""
    own = [rule for name in ("zero_point_a", "zero_point_b") for rule in zero_points(name)]
    unsigned = [
        port(name, lambda x: x & 255, f"{name}&255", f"{name} is read as an unsigned byte") for name in ("a", "b")
    ]
    return [*own, *unsigned, *requantize.rules(_as_default(datapath, "mul"), stimuli)]


def rules_of_mean(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a mean might do: a zero point, a code too many or too few, then its requantizer's."""
    own = [
        *zero_points("zero_point_x"),
        port("codes", lambda x: x[:, :-1], "the last code missing", "the last code of a row is not added"),
        port("codes", lambda x: x[:, 1:], "the first code missing", "the first code of a row is not added"),
        port("codes", lambda x: x & 255, "codes&255", "codes are read as unsigned bytes"),
    ]
    return [*own, *requantize.rules(_as_default(datapath, "mean"), stimuli)]


def rules_of_table(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a look-up might do."""
    half = stimuli.arrays["table"].size // 2
    return [
        port("table", lambda table: np.roll(table, -1), "table[i+1]", "the address is one too high"),
        port("table", lambda table: np.roll(table, 1), "table[i-1]", "the address is one too low"),
        port(
            "table",
            lambda table: np.roll(table, half),
            "address sign flipped",
            "codes address the table as if unsigned",
        ),
        port("table", lambda table: table[::-1].copy(), "table reversed", "the table stands in reverse"),
        *(_address_bit(bit, value) for bit in range(max(1, half.bit_length())) for value in (0, 1)),
        *(stale(name) for name in stimuli.driven),
    ]


def _address_bit(bit: int, value: int) -> Rule:
    def stuck(table: Integers) -> Integers:
        index = np.arange(table.size)
        moved = (index | (1 << bit)) if value else (index & ~(1 << bit))
        return np.take(table, np.minimum(moved, table.size - 1))

    return port("table", stuck, f"address bit {bit} = {value}", f"bit {bit} of the address is stuck at {value}")


def _as_default(datapath: Datapath, op: str) -> Datapath:
    """The datapath whose plain requantizer is the operator's, with no operator that differs."""
    resolved = datapath.requantizer(op).model_dump()
    section = type(datapath.requantization).model_validate({**resolved, "of": {}})
    return datapath.model_copy(update={"requantization": section})
