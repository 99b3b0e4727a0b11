"""A unit of the datapath as a design: what all of them share. For whoever adds a unit, and for the whole image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from rtl.design import Design
from rtl.model import Model, Pauses, Played

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.section import Arrays, Integers

ROUNDINGS = {
    Rounding.HALF_UP: 0, Rounding.HALF_AWAY: 1, Rounding.HALF_EVEN: 2, Rounding.FLOOR: 3, Rounding.TOWARD_ZERO: 4,
}  # fmt: skip
"""Codes of bt_round_shift."""


@dataclass(frozen=True)
class Answer:
    """What a design made of the arrays of `bittrue unit`."""

    results: Mapping[str, Integers]
    """Every stage that the design shows, "output" last; names and shapes as workflow.unit gives them."""
    load_cycles: int
    run_cycles: int


@dataclass(frozen=True)
class RtlUnit:
    """One unit: which design serves a datapath, and how its arrays become beats."""

    name: str
    """As in `bittrue unit`."""
    design: Callable[[Datapath], Design]
    """Raises Unsupported for a datapath that the design does not compute."""
    run: Callable[[Model, Arrays, Pauses | None, int], Answer]
    """The model, arrays with every default filled in, back-pressure, the planted fault."""


_MODELS: dict[str, Model] = {}


def model_of(design: Design) -> Model:
    """The design built and loaded, once a process."""
    key = repr(design)
    if key not in _MODELS:
        _MODELS[key] = Model(design)
    return _MODELS[key]


def elementwise(
    model: Model, arrays: Arrays, pauses: Pauses | None, bug: int, *, constants: Iterable[str] = ()
) -> Answer:
    """One vector a beat: every array in the broadcast shape; `constants` are loaded first, in this order."""
    loaded = [arrays[name] for name in constants]
    driven = {signal.name: arrays[signal.name] for signal in model.design.inputs}
    shape = np.broadcast_shapes(*(array.shape for array in driven.values()))
    beats = {name: np.broadcast_to(array, shape).reshape(-1) for name, array in driven.items()}
    played = model.run(beats, out_beats=int(np.prod(shape)), constants=loaded, pauses=pauses, bug=bug)
    return answer(played, shape)


def answer(played: Played, shape: tuple[int, ...]) -> Answer:
    """Beats back in the shape of the arrays."""
    results = {name: words.reshape(shape) for name, words in played.outputs.items()}
    return Answer(results, played.load_cycles, played.run_cycles)


def refuse(datapath: Datapath, unit: str, differs: str) -> Unsupported:
    """The error for a datapath whose unit is another than the design's."""
    return Unsupported(f"the design of {unit} does not compute this", where=f"datapath {datapath.name}", got=differs)
