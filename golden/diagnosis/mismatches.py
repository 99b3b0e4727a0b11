"""Single mismatches with everything that went into them, and counts of where they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bittrue.golden.diagnosis.observed import Integers, Observed
from bittrue.golden.diagnosis.rounding_note import rounding_note
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Width

Place = Callable[[str, int], str]
"""Of a stage and the row-major index of a word: beat, lane and tile in the package's layout, in words."""


@dataclass(frozen=True)
class Word:
    """One word of a register in hex at its width and in decimal."""

    hex: str
    decimal: int | None
    """None where the design's word is no number."""


@dataclass(frozen=True)
class MismatchDetail:
    """One word that differs."""

    stage: str
    index: int
    """Row-major, over the whole set."""
    coordinate: tuple[int, ...]
    """The vector, then the index within the stage."""
    place: str
    expected: Word
    actual: Word
    difference: int | None
    xor: str | None
    operands: Mapping[str, int]
    """Driven values, constants and expected stages at this word, by name."""
    rounded_from: str
    """The value in front of the rounding, its remainder and whether it is a tie; empty where nothing is rounded."""
    limited: str
    """"low" or "high" where the expected output is one of its limits, else empty."""


def detail(observed: Observed, datapath: Datapath, stage: str, index: int, place: Place) -> MismatchDetail:
    """Everything about one word."""
    expected, made, width = observed.vectors.results[stage], observed.made[stage], observed.widths[stage]
    coordinate = tuple(int(i) for i in np.unravel_index(index, expected.shape))
    wanted = int(expected.reshape(-1)[index])
    known = bool(made.known.reshape(-1)[index])
    got = int(made.values.reshape(-1)[index]) if known else None
    operands = _operands(observed, coordinate)
    note = rounding_note(datapath, observed.vectors.stimuli.unit, operands)
    low, high = operands.get("low"), operands.get("high")
    output = operands.get("output")
    return MismatchDetail(
        stage=stage,
        index=index,
        coordinate=coordinate,
        place=place(stage, index),
        expected=Word(_hex(wanted, width), wanted),
        actual=Word("unknown" if got is None else _hex(got, width), got),
        difference=None if got is None else got - wanted,
        xor=None if got is None else _hex(wanted ^ got, width),
        operands=operands,
        rounded_from="" if note is None else str(note),
        limited="low"
        if output is not None and output == low
        else "high"
        if output is not None and output == high
        else "",
    )


def _operands(observed: Observed, coordinate: tuple[int, ...]) -> dict[str, int]:
    stimuli = observed.vectors.stimuli
    found: dict[str, int] = {}
    for name, array in stimuli.driven.items():
        value = _at(array, coordinate)
        if value is not None:
            found[name] = value
    for name, array in stimuli.constants.items():
        value = _at(array, coordinate, constant=True)
        if value is not None:
            found[name] = value
    for name, array in observed.vectors.results.items():
        value = _at(array, coordinate)
        if value is not None:
            found[name] = value
    return found


def _at(array: Integers, coordinate: tuple[int, ...], *, constant: bool = False) -> int | None:
    """The one value of an array that belongs to a word; None where several do (a whole row of operands)."""
    if array.size == 1:
        return int(array.reshape(-1)[0])
    if constant:  # one an index of the last axis: a channel
        fits = array.ndim == 1 and len(coordinate) > 1 and len(array) > coordinate[-1]
        return int(array[coordinate[-1]]) if fits else None
    if array.ndim < len(coordinate):
        coordinate = coordinate[: array.ndim]
    if array.ndim > len(coordinate):
        return None
    clipped = tuple(0 if size == 1 else i for size, i in zip(array.shape, coordinate, strict=True))
    return int(array[clipped]) if all(i < size for i, size in zip(clipped, array.shape, strict=True)) else None


def counts(observed: Observed, stage: str) -> dict[str, dict[str, int]]:
    """Mismatching words of a stage by index of the last axis, by sign of the expected value and by coverage bin."""
    wrong = observed.wrong(stage)
    expected = observed.vectors.results[stage]
    found = {
        "sign": {
            "negative": int((wrong & (expected < 0)).sum()),
            "zero": int((wrong & (expected == 0)).sum()),
            "positive": int((wrong & (expected > 0)).sum()),
        }
    }
    if wrong.ndim > 1 and wrong.shape[-1] > 1:
        lanes = wrong.reshape(-1, wrong.shape[-1]).sum(axis=0)
        found["index of the last axis"] = {
            str(i): int(lanes[i]) for i in np.argsort(-lanes, kind="stable")[:8] if lanes[i]
        }
    vectors = observed.wrong_vectors(stage)
    total = int(vectors.sum())
    bins = {name: (int((hit & vectors).sum()), int(hit.sum())) for name, hit in observed.vectors.hits.items()}
    # The bins that come nearest to the set of wrong vectors first (F1 of the bin as a guess at that set).
    ordered = sorted(bins.items(), key=lambda item: -2 * item[1][0] / (item[1][1] + total))
    found["bin"] = {name: count for name, (count, _) in ordered[:8] if count}
    return found


def only_bins(observed: Observed, stage: str) -> tuple[str, ...]:
    """Bins all of whose vectors differ while no vector outside them does: what the design gets wrong, in one word."""
    vectors = observed.wrong_vectors(stage)
    return tuple(name for name, hit in observed.vectors.hits.items() if hit.any() and np.array_equal(hit, vectors))


def _hex(value: int, width: Width) -> str:
    return f"0x{value & ((1 << width.bits) - 1):0{-(-width.bits // 4)}x}"
