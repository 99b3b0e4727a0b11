"""Witness vectors on disk: what overlooked mutants fail on, as new directed vectors. An .npz of integer arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bittrue.spec.files import written_whole
from bittrue.spec.vectors import Integers, Stimuli


def merged(found: Iterable[Stimuli]) -> tuple[Stimuli, ...]:
    """Sets of one unit, shape and constants as one set each, in the order of their first vectors; kind directed."""
    groups: dict[tuple[object, ...], list[Stimuli]] = {}
    for stimuli in found:
        shapes = tuple((name, array.shape[1:]) for name, array in sorted(stimuli.driven.items()))
        constants = tuple((name, array.shape, array.tobytes()) for name, array in sorted(stimuli.constants.items()))
        groups.setdefault((stimuli.unit, shapes, constants), []).append(stimuli)
    sets = []
    for number, group in enumerate(groups.values()):
        first = group[0]
        driven = {name: np.concatenate([each.driven[name] for each in group]) for name in first.driven}
        sets.append(Stimuli(first.unit, f"found_{number}", "directed", driven, first.constants))
    return tuple(sets)


def write_witnesses(path: Path, sets: Iterable[Stimuli]) -> None:
    """Arrays named SET/UNIT/driven|constant/PORT; equal sets give equal bytes."""
    arrays: dict[str, Integers] = {}
    for stimuli in sets:
        for role, ports in (("driven", stimuli.driven), ("constant", stimuli.constants)):
            for name, array in ports.items():
                arrays[f"{stimuli.name}/{stimuli.unit}/{role}/{name}"] = np.asarray(array, np.int64)
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_witnesses(path: Path) -> tuple[Stimuli, ...]:
    """What `write_witnesses` wrote."""
    parts: dict[tuple[str, str], dict[str, dict[str, Integers]]] = {}
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            name, unit, role, port = key.split("/")
            parts.setdefault((name, unit), {"driven": {}, "constant": {}})[role][port] = archive[key]
    return tuple(
        Stimuli(unit, name, "directed", ports["driven"], ports["constant"]) for (name, unit), ports in parts.items()
    )
