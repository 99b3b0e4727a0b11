"""Designs that read rows, one element a beat: what softmax and norm share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rtl.model import HandshakeBroken, Model, Pauses
from rtl.unit import Answer

from bittrue.spec.units.section import Arrays, Integers


def rows(model: Model, main: str, arrays: Arrays, row_stages: Sequence[str], pauses: Pauses | None, bug: int) -> Answer:
    """Rows of the array `main` [rows, n] as beats; every other array is loaded first, in its order.

    row_stages: those that have one word a row, which the design shows at each of its beats.
    """
    codes = arrays[main]
    if codes.shape[1] > model.design.parameters["ROW_MAX"]:
        raise ValueError(f"a row holds {codes.shape[1]}, the design at most {model.design.parameters['ROW_MAX']}")
    last = np.zeros(codes.shape, bool)
    last[:, -1] = True
    constants = [array for name, array in arrays.items() if name != main]
    played = model.run(
        {main: codes.reshape(-1)},
        in_last=last.reshape(-1),
        out_beats=codes.size,
        constants=constants,
        pauses=pauses,
        bug=bug,
    )
    if played.last is None or (played.last != last.reshape(-1)).any():
        raise HandshakeBroken(f"{model.design.top} marks another beat than a row's last")
    results = {name: words.reshape(codes.shape) for name, words in played.outputs.items()}
    for name in row_stages:
        results[name] = _one_a_row(model, name, results[name])
    return Answer(results, played.load_cycles, played.run_cycles)


def _one_a_row(model: Model, name: str, words: Integers) -> Integers:
    if (words != words[:, :1]).any():
        raise HandshakeBroken(f"{model.design.top} changes out_{name} within a row")
    return words[:, :1]
