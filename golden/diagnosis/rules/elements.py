"""Products, means and tables that are nearly right."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Integers, Rule, late_output, port, stale
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
    return [*own, *unsigned, *requantize.rules(datapath.for_op("mul"), stimuli)]


def rules_of_mean(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a mean might do: a zero point, a code too many or too few, then its requantizer's."""
    own = [
        *zero_points("zero_point_x"),
        port("codes", lambda x: x[:, :-1], "the last code missing", "the last code of a row is not added"),
        port("codes", lambda x: x[:, 1:], "the first code missing", "the first code of a row is not added"),
        port("codes", lambda x: x & 255, "codes&255", "codes are read as unsigned bytes"),
    ]
    return [*own, *requantize.rules(datapath.for_op("mean"), stimuli)]


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
        port("table", lambda table: np.append(table[:-1], 0), "the last entry is 0", "the last entry is never written"),
        port(
            "table", lambda table: np.append(0, table[1:]), "the first entry is 0", "the first entry is never written"
        ),
        *_rotated(2 * half),
        *(rule for name in stimuli.driven for rule in stale(name)),
        *late_output(),
    ]


def _rotated(entries: int) -> list[Rule]:
    """The address rotated by one bit; of tables that have a power of two of entries."""
    bits, index = entries.bit_length() - 1, np.arange(entries)
    if entries != 1 << bits or bits < 2:
        return []
    right, left = (index >> 1) | ((index & 1) << (bits - 1)), ((index << 1) & (entries - 1)) | (index >> (bits - 1))
    return [
        port(
            "table", lambda table: np.take(table, right), "address rotated right", "the address is rotated by one bit"
        ),
        port("table", lambda table: np.take(table, left), "address rotated left", "the address is rotated by one bit"),
    ]


def _address_bit(bit: int, value: int) -> Rule:
    def stuck(table: Integers) -> Integers:
        index = np.arange(table.size)
        moved = (index | (1 << bit)) if value else (index & ~(1 << bit))
        return np.asarray(np.take(table, np.minimum(moved, table.size - 1)), np.int64)

    return port("table", stuck, f"address bit {bit} = {value}", f"bit {bit} of the address is stuck at {value}")
