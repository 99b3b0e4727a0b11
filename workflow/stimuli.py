"""Where stimuli of bare units come from, and which coverage bins they reach: what workflow/unit_vectors.py asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.stimuli import stimuli_of
from bittrue.spec.coverage import coverage_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError, Unsupported
from bittrue.spec.units.catalog import UnitForm, unit_arrays, unit_form
from bittrue.spec.units.section import Arrays
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

VECTORS = ("any", "rows", "m")
"""First axes of arrays that change from vector to vector."""
Hits = Mapping[str, NDArray[np.bool_]]


class StimuliSource(Protocol):
    """Makes sets of one kind for one unit of a datapath."""

    def __call__(self, datapath: Datapath, unit: str, kind: StimulusKind, seed: int = 0) -> tuple[Stimuli, ...]:
        """The same sets whenever it is asked."""


class Coverage(Protocol):
    """The coverage bins of one unit of one datapath."""

    def hits(self, stimuli: Stimuli, results: Mapping[str, Integers]) -> Hits:
        """By bin: [vectors], whether the vector reaches it."""


class CoverageSource(Protocol):
    """Finds the bins of a unit; raises Unsupported for one without any."""

    def __call__(self, datapath: Datapath, unit: str) -> Coverage:
        """The bins."""


def made_stimuli(datapath: Datapath, unit: str, kind: StimulusKind, seed: int = 0) -> tuple[Stimuli, ...]:
    """Those of golden/stimuli."""
    return stimuli_of(datapath, unit, kind, seed)


def declared_coverage(datapath: Datapath, unit: str) -> Coverage:
    """Those of spec/coverage."""
    return coverage_of(datapath, unit)


def hits_of(coverage: CoverageSource, datapath: Datapath, stimuli: Stimuli, results: Mapping[str, Integers]) -> Hits:
    """The bins that vectors reach; none for a unit without bins."""
    try:
        found = coverage(datapath, stimuli.unit)
    except Unsupported:
        return {}
    return found.hits(stimuli, results)


def given_stimuli(
    datapath: Datapath, unit: str, arrays: Mapping[str, np.ndarray], *, name: str = "given", kind: StimulusKind = "real"
) -> Stimuli:
    """Arrays as `bittrue unit` takes them, as one set: what has an axis of vectors is driven, the rest is constant.

    Operands of elements are spread over the shape of the main arrays and laid flat; those of a row are spread
    over the rows. Defaults are filled in. kind: as the set is to be called. Raises BadInput and OutOfDomain as
    `bittrue unit` does.
    """
    form = unit_form(datapath, unit)
    try:
        whole = unit_arrays(form, arrays)
        driven, constants = _split(form, whole)
        return Stimuli(unit, name, kind, driven, constants)
    except BittrueError as error:
        raise error.at(f"unit {unit}") from None
    except ValueError as error:  # shapes that do not broadcast
        raise BadInput(
            "the arrays' shapes do not fit together",
            where=f"unit {unit}",
            got=", ".join(f"{key} {list(np.shape(array))}" for key, array in arrays.items()),
            expected=", ".join(f"{port.name} [{', '.join(port.axes)}]" for port in form.ports),
        ) from error


def _split(form: UnitForm, given: Arrays) -> tuple[dict[str, Integers], dict[str, Integers]]:
    arrays = {name: np.asarray(array, np.int64) for name, array in given.items()}
    axes = {port.name: port.axes for port in form.ports}
    elements = [name for name in arrays if axes[name] == ("any",)]
    shape = np.broadcast_shapes(*(arrays[name].shape for name in elements)) if elements else ()
    main = next((name for name in arrays if axes[name][:1] in (("rows",), ("m",)) and len(axes[name]) == 2), None)
    rows = len(arrays[main]) if main is not None else 0
    driven: dict[str, Integers] = {}
    constants: dict[str, Integers] = {}
    for name, array in arrays.items():
        if name in elements:
            driven[name] = np.array(np.broadcast_to(array, shape)).reshape(-1)
        elif axes[name] == ("rows",):
            driven[name] = np.array(np.broadcast_to(array, (rows,)))
        elif axes[name][:1] in (("rows",), ("m",)) and axes[name][1:] != ("one",):
            driven[name] = array
        elif array.ndim == 2 and axes[name] != ("k", "n") and len(array) == rows:
            driven[name] = array  # a parameter that was given a column, one value a row
        else:
            constants[name] = array
    return driven, constants


def npz_name(path: Path) -> str:
    """A set's name from a file's."""
    stem = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "_" for sign in path.stem)
    return stem.lstrip(".-") or "given"
