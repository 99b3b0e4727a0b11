"""bt_mac: the weight-stationary array; matrices of any size in tiles of ROWS codes and blocks of COLS columns."""

from __future__ import annotations

import numpy as np
from rtl.design import Design, Signal
from rtl.model import Model, Pauses
from rtl.unit import Answer, RtlUnit, refuse

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.section import Arrays, Integers

ROWS, TILES = 16, 128
ACTIVATION_BITS, WEIGHT_BITS = 17, 9
"""Two's complement: hold codes of either sign, probabilities of 16 bits among them, and their zero points."""


def design(datapath: Datapath, *, columns: int = 5) -> Design:
    """The array of a datapath, 16 lanes by 5 columns, which builds fast, or more columns.

    "refuse" and "exact" wrap: where nothing overflows no rule shows.
    """
    mac = datapath.mac
    between = mac.adder_bits is not None or mac.spill_bits is not None or mac.output_bits is not None
    if between or mac.products == "unsigned" or mac.overflow == "saturate_at_end" or not _tiles_fit(mac):
        raise refuse(datapath, "mac", f"mac {mac.model_dump(exclude_defaults=True)}")
    bits = mac.accumulator_bits
    saturates = mac.overflow == "saturate"
    parameters = {
        "ROWS": ROWS, "COLS": columns, "TILES": TILES, "ACC_BITS": bits, "SATURATE": int(saturates),
        "ACT_BITS": ACTIVATION_BITS, "WGT_BITS": WEIGHT_BITS,
        "EACH_PRODUCT": int(saturates and mac.k_tile == 0), "BIAS_LAST": int(mac.bias == "last"),
    }  # fmt: skip
    outputs = (Signal("register", bits, lanes=columns), Signal("output", bits, lanes=columns))
    inputs = (Signal("activations", ACTIVATION_BITS, lanes=ROWS),)
    return Design("bt_mac", ("bt_mac.sv",), inputs, outputs, parameters, in_last=True, constants=True)


def _tiles_fit(mac: Mac) -> bool:
    return mac.overflow != "saturate" or mac.k_tile in (0, ROWS)


def run(model: Model, arrays: Arrays, pauses: Pauses | None, bug: int) -> Answer:
    """Activations [m, k], weights [k, n] and the scalars of unit `mac`; all rows pass for each block of columns."""
    activations, weights = arrays["activations"], arrays["weights"]
    (m, k), n = activations.shape, weights.shape[1]
    columns = model.design.parameters["COLS"]
    tiles, blocks = -(-k // ROWS), -(-n // columns)
    if tiles > TILES:
        raise OutOfDomain("a row is longer than the array's weights", where="unit mac", got=k, expected=TILES * ROWS)
    beats = np.zeros((m, tiles * ROWS), np.int32)
    beats[:, :k] = activations
    last = np.tile(np.arange(tiles) == tiles - 1, m)
    loaded = np.zeros((k, blocks * columns), np.int64)
    loaded[:, :n] = weights
    bias = np.zeros(blocks * columns, np.int64)
    bias[:n] = arrays["bias"]
    zeros = [arrays["activation_zero_point"], arrays["weight_zero_point"]]
    for name, zero, bits in zip(("activations", "weights"), zeros, (ACTIVATION_BITS, WEIGHT_BITS), strict=True):
        _fits(f"zero point of the {name}", zero, bits)
    _fits("weights", weights, WEIGHT_BITS)
    found = {name: np.empty((m, blocks * columns), np.int64) for name in ("register", "output")}
    load_cycles = run_cycles = 0
    for block in range(blocks):
        chosen = slice(block * columns, (block + 1) * columns)
        played = model.run(
            {"activations": beats.reshape(-1, ROWS)},
            in_last=last,
            out_beats=m,
            constants=[loaded[:, chosen], bias[chosen], *zeros],
            pauses=pauses,
            bug=bug,
        )
        for name, words in played.outputs.items():
            found[name][:, chosen] = words
        load_cycles += played.load_cycles
        run_cycles += played.run_cycles
    return Answer({name: words[:, :n] for name, words in found.items()}, load_cycles, run_cycles)


def _fits(name: str, array: Integers, bits: int) -> None:
    """Refuse what a register of the array would cut off."""
    low, high = int(array.min()), int(array.max())
    if low < -(1 << (bits - 1)) or high >= 1 << (bits - 1):
        raise OutOfDomain(
            f"{name} outside the array's registers", where="unit mac", got=f"{low}..{high}", expected=f"{bits} bits"
        )


MAC = RtlUnit("mac", design, run)
