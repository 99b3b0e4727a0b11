"""mac, alone and fast: a matrix product through every register of the unit; see spec/units/mac.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.accumulate import register_rules, tile_ends
from bittrue.simulator.accumulate_ordered import ACCUMULATOR, tiled_multiply_accumulate
from bittrue.simulator.units.accumulate import finish, hold_all, leave
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Arrays


def run(datapath: Datapath, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Activations [M, K] and weights [K, N] -> "register" and "output", int64 [M, N]."""
    mac = datapath.mac
    a, b = (_operand(arrays, name, unsigned=mac.products == "unsigned") for name in ("activation", "weight"))
    (m, k), n = a.shape, b.shape[1]
    bias = np.broadcast_to(arrays["bias"], (n,)).astype(np.int64)
    rules = register_rules(mac)
    register = np.zeros((1, m, n), np.int64)
    if mac.bias == "first":
        register += bias
        hold_all(register.reshape(-1), rules[ACCUMULATOR])
    starts = (n * np.arange(k, dtype=np.int64)).reshape(1, k)
    tiled_multiply_accumulate(register, a.reshape(1, m, k), starts, b.reshape(-1), tile_ends(mac, k), rules)
    if mac.bias == "last":
        register += bias
        hold_all(register.reshape(-1), rules[ACCUMULATOR])
    finish(mac, register.reshape(-1))
    output = leave(mac, register.reshape(-1), np.zeros(m * n, np.int64))
    return {"register": register.reshape(m, n), "output": output.reshape(m, n)}


def _operand(arrays: Arrays, name: str, *, unsigned: bool) -> NDArray[np.int64]:
    """What the multiplier sees: codes less their zero point, or their registers read as unsigned."""
    codes = np.array(arrays[f"{name}s"], np.int64, order="C")
    if unsigned:
        return codes & ((1 << int(arrays[f"{name}_bits"].max())) - 1)
    return codes - int(arrays[f"{name}_zero_point"].max())
