"""Softmax units that are nearly right; of kind "table" all rules, of the others their roundings."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Integers, Rule, field, fields, port, stale, without_bits
from bittrue.golden.diagnosis.rules.requantize import ROUNDED
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.vectors import Stimuli


def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a softmax by table and reciprocal might do."""
    unit = datapath.softmax
    if not isinstance(unit, TableSoftmax):
        return []
    return [
        *(
            field("softmax", "rounding", rule.value, says)
            for rule, says in ROUNDED.items()
            if rule is not unit.rounding
        ),
        *(
            fields("softmax", {"reciprocal_bits": bits}, f"the reciprocal has {bits} fraction bits")
            for bits in (unit.reciprocal_bits - 1, unit.reciprocal_bits + 1, 32, 40)
            if bits != unit.reciprocal_bits
        ),
        *(
            fields("softmax", {"probability_bits": bits}, f"probabilities have {bits} bits")
            for bits in (8, 15)
            if bits != unit.probability_bits
        ),
        port(
            "table",
            lambda table: np.append(table[:1], table[:-1]),
            "table[d-1]",
            "the table is read one entry too early",
        ),
        port(
            "table",
            lambda table: np.append(table[1:], table[-1:]),
            "table[d+1]",
            "the table is read one entry too late",
        ),
        *(
            without_bits("table", dropped, f"the lowest {dropped} bits of an exponential are lost")
            for dropped in (1, 4, 8)
        ),
        *(
            _table_bit(bit, len(stimuli.arrays["table"]))
            for bit in range(len(stimuli.arrays["table"]).bit_length() - 1)
        ),
        *stale("logits"),
        port("logits", lambda x: x & 255, "logits&255", "logits are read as unsigned bytes"),
    ]


def _table_bit(bit: int, entries: int) -> Rule:
    def stuck(table: Integers) -> Integers:
        return np.take(table, np.arange(entries) & ~(1 << bit))

    return port("table", stuck, f"table address bit {bit} = 0", f"bit {bit} of the table's address is stuck at 0")
