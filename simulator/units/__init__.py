"""The units of a datapath that can run alone, fast; names as in spec/units/catalog.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units import accumulate, mac, mean, mul, requantize, table
from bittrue.simulator.units.activation import KINDS as ACTIVATION
from bittrue.simulator.units.add import KINDS as ADD
from bittrue.simulator.units.norm import KINDS as NORM
from bittrue.simulator.units.norm import affine
from bittrue.simulator.units.softmax import KINDS as SOFTMAX
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops.add import unit_of as add_of
from bittrue.spec.units.activation import Function
from bittrue.spec.units.section import Arrays

Results = dict[str, NDArray[np.int64]]
Run = Callable[[Datapath, Arrays], Results]


def _softmax(datapath: Datapath, arrays: Arrays) -> Results:
    unit = datapath.required(datapath.softmax, "softmax")
    return dict(SOFTMAX[unit.kind](unit, arrays))


def _norm(datapath: Datapath, arrays: Arrays) -> Results:
    unit = datapath.required(datapath.norm, "norm")
    found = dict(NORM[unit.kind](unit, arrays))
    return {**found, "output": affine.run(unit, found["normalized"], arrays)}


def _add(datapath: Datapath, arrays: Arrays) -> Results:
    unit = add_of(datapath)
    return dict(ADD[unit.kind](unit, arrays))


def _activation(function: Function) -> Run:
    def run(datapath: Datapath, arrays: Arrays) -> Results:
        unit = datapath.required(datapath.activation.get(function), f"activation.{function}")
        return dict(ACTIVATION[unit.kind](unit, arrays))

    return run


UNITS: Mapping[str, Run] = {
    "mac": mac.run,
    "accumulate": accumulate.run,
    "requantize": requantize.run,
    "add": _add,
    "mul": mul.run,
    "mean": mean.run,
    "table": lambda datapath, arrays: table.run(datapath.table, arrays),
    **{name: _activation(name) for name in get_args(Function)},
    "softmax": _softmax,
    "norm": _norm,
}
"""`run(datapath, arrays)`: every stage in order, then "output"."""
