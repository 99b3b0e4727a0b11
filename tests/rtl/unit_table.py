"""bt_table: one read-only memory of output codes."""

from __future__ import annotations

from functools import partial

from rtl.design import Design, Signal
from rtl.unit import RtlUnit, elementwise

from bittrue.spec.datapath import Datapath


def design(datapath: Datapath) -> Design:
    """The table unit of a datapath: one word of memory for each input code."""
    bits = datapath.table.input_bits_max
    inputs, outputs = (Signal("codes", bits + 1),), (Signal("output", 17),)
    parameters = {"CODE_BITS": bits + 1, "INDEX_BITS": bits}
    return Design("bt_table", ("bt_table.sv",), inputs, outputs, parameters, constants=True)


TABLE = RtlUnit("table", design, partial(elementwise, constants=("input_low", "table")))
