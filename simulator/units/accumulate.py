"""accumulate, alone and fast: the register behind the adders; see spec/units/mac.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.accumulate import register_rules, tile_ends
from bittrue.simulator.accumulate_ordered import ACCUMULATOR, SATURATE, held, tiled_sums
from bittrue.simulator.fixed import ROUNDING_CODES, round_shift, saturate
from bittrue.simulator.jit import jit
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.section import Arrays


def run(datapath: Datapath, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Addends [rows, addends] -> "register" and "output", int64 [rows]."""
    mac = datapath.mac
    addends = np.array(arrays["addends"], np.int64)
    rows = addends.shape[:1]
    bias, initial, pre_shift = (
        np.array(np.broadcast_to(arrays[name], rows), np.int64) for name in ("bias", "initial", "pre_shift")
    )
    rules = register_rules(mac)
    first, last = (bias, np.zeros_like(bias)) if mac.bias == "first" else (np.zeros_like(bias), bias)
    register = initial + first
    hold_all(register, rules[ACCUMULATOR])
    ends = np.arange(1, addends.shape[1] + 1, dtype=np.int64)
    one_each = rules.copy()
    one_each[0] = 0  # no adder: every addend is a tile's sum
    tiled_sums(register, addends, ends, one_each)
    if mac.bias == "last":
        register += last
        hold_all(register, rules[ACCUMULATOR])
    finish(mac, register)
    return {"register": register, "output": leave(mac, register, pre_shift)}


def sums(mac: Mac, terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of terms [rows, terms] through the whole MAC, as products with ones: int64 [rows]."""
    register = np.zeros(terms.shape[0], np.int64)
    tiled_sums(register, terms, tile_ends(mac, terms.shape[1]), register_rules(mac))
    finish(mac, register)
    return leave(mac, register, np.zeros_like(register))


def finish(mac: Mac, register: NDArray[np.int64]) -> None:
    """Saturate a finished sum where the unit does so only at its end."""
    if mac.overflow == "saturate_at_end":
        hold_all(register, np.array([SATURATE, mac.accumulator_bits], np.int64))


def leave(mac: Mac, register: NDArray[np.int64], pre_shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """The finished sum as it leaves the unit: shifted, then saturated to the output's width."""
    output = register.copy()
    leave_all(output, pre_shift, ROUNDING_CODES[mac.output_rounding], mac.output_bits or 0)
    return output


@jit
def hold_all(values: NDArray[np.int64], rule: NDArray[np.int64]) -> None:
    """Every value as a register keeps it."""
    for i in range(values.size):
        values[i] = held(values[i], rule)


@jit
def leave_all(values: NDArray[np.int64], shift: NDArray[np.int64], rounding: int, output_bits: int) -> None:
    """`leave` in place; 0 bits: no register."""
    for i in range(values.size):
        value = values[i]
        if shift[i] > 0:
            value = round_shift(value, shift[i], rounding)
        values[i] = saturate(value, output_bits) if output_bits else value
