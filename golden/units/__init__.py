"""The units of a datapath that can run alone, by the judge; names as in spec/units/catalog.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import torch
from torch import Tensor

from bittrue.golden.units import accumulate, mac, mean, mul, requantize
from bittrue.golden.units.activation import KINDS as ACTIVATION
from bittrue.golden.units.add import KINDS as ADD
from bittrue.golden.units.norm import KINDS as NORM
from bittrue.golden.units.norm import affine
from bittrue.golden.units.softmax import KINDS as SOFTMAX
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops.add import unit_of as add_of
from bittrue.spec.units.activation import Function

Tensors = Mapping[str, Tensor]
Run = Callable[[Datapath, Tensors], dict[str, Tensor]]


def _add(datapath: Datapath, arrays: Tensors) -> dict[str, Tensor]:
    unit = add_of(datapath)
    return ADD[unit.kind](unit, arrays)


def _softmax(datapath: Datapath, arrays: Tensors) -> dict[str, Tensor]:
    unit = datapath.required(datapath.softmax, "softmax")
    return SOFTMAX[unit.kind](unit, arrays)


def _norm(datapath: Datapath, arrays: Tensors) -> dict[str, Tensor]:
    unit = datapath.required(datapath.norm, "norm")
    stages = NORM[unit.kind](unit, arrays)
    return stages | {"output": affine.run(unit, stages["normalized"], arrays)}


def _table(datapath: Datapath, arrays: Tensors) -> dict[str, Tensor]:
    index = arrays["codes"] - arrays["input_low"]
    return {"output": torch.index_select(arrays["table"], 0, index.flatten()).reshape(index.shape)}


def _function(name: Function) -> Run:
    def judge(datapath: Datapath, arrays: Tensors) -> dict[str, Tensor]:
        unit = datapath.required(datapath.activation.get(name), f"activation.{name}")
        return ACTIVATION[unit.kind](unit, arrays)

    return judge


UNITS: Mapping[str, Run] = {
    "mac": mac.run,
    "accumulate": accumulate.run,
    "requantize": requantize.run,
    "add": _add,
    "mul": mul.run,
    "mean": mean.run,
    "table": _table,
    **{name: _function(name) for name in get_args(Function)},
    "softmax": _softmax,
    "norm": _norm,
}
"""`run(datapath, arrays)`: every stage in order, then "output"."""
