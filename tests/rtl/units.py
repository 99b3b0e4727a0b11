"""The designs of tests/rtl by the names of `bittrue unit`."""

from __future__ import annotations

from rtl.unit import RtlUnit
from rtl.unit_add import ADD
from rtl.unit_mac import MAC
from rtl.unit_norm import NORM
from rtl.unit_requantize import REQUANTIZE
from rtl.unit_softmax import SOFTMAX
from rtl.unit_table import TABLE

RTL_UNITS: dict[str, RtlUnit] = {unit.name: unit for unit in (MAC, REQUANTIZE, ADD, TABLE, SOFTMAX, NORM)}
