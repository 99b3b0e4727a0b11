"""Brings the arrays of an activation unit to the form that its compiled loop reads.

A loop runs over codes in C order; element i reads entry i % size of a parameter, so that one value, one for
each entry of the last axis and one for each element all read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Arrays

Flat = NDArray[np.int64]


def codes_of(arrays: Arrays) -> Flat:
    """The codes, int64 [elements]."""
    return np.require(arrays["codes"], np.int64, ["C", "W"]).reshape(-1)


def each(arrays: Arrays, *names: str) -> tuple[Flat, ...]:
    """Parameters that broadcast against the codes, each int64 [1], [last axis] or [elements]."""
    return tuple(_flat(np.array(arrays[name], np.int64), np.shape(arrays["codes"])) for name in names)


def whole(arrays: Arrays, *names: str) -> tuple[Flat, ...]:
    """Parameters that every element reads as a whole (tables), int64 [entries]."""
    return tuple(np.array(arrays[name], np.int64) for name in names)


def one(arrays: Arrays, name: str) -> int:
    """A parameter that has one value."""
    return int(np.asarray(arrays[name]).reshape(-1)[0])


def beside(arrays: Arrays, *names: str) -> tuple[NDArray[np.int64], ...]:
    """The codes and parameters as int64 arrays for NumPy: one value without axes, the others as they are."""
    read = (np.asarray(arrays[name], np.int64) for name in names)
    return np.asarray(arrays["codes"], np.int64), *(v.reshape(()) if v.size == 1 else v for v in read)


def results(arrays: Arrays, *names: str) -> dict[str, NDArray[np.int64]]:
    """Empty int64 arrays of the codes' shape for the stages and the output, by name."""
    return {name: np.empty(np.shape(arrays["codes"]), np.int64) for name in names}


def flat(found: Mapping[str, NDArray[np.int64]]) -> Iterator[Flat]:
    """Views [elements] of results, in order."""
    return (array.reshape(-1) for array in found.values())


def _flat(values: Flat, shape: tuple[int, ...]) -> Flat:
    if values.size == 1:
        return values.reshape(1)
    if values.shape != shape[-1:]:
        values = np.broadcast_to(values, shape)
    return np.require(values, requirements=["C", "W"]).reshape(-1)
