"""Stimuli of the table unit: every entry, through tables that tell any two entries and any two bits apart."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind


def table_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `table`."""
    bits, width = datapath.table.input_bits_max, datapath.table.output_bits_max
    rng = generator(seed, "table", kind)
    entries = 1 << bits
    if kind == "directed":
        tables = _tables(rng, entries, width)
        sets = [
            _set(name, values, _order(rng, entries), 0 if unsigned else -(entries // 2))
            for name, values, unsigned in tables
        ]
        # Lowest codes of every pattern of bits, and shorter tables.
        mixed, last = tables[2][1], entries // 2
        for low in (-85 * entries // 256, -43 * entries // 256, -1):
            sets.append(_set(f"from_{-low}_below", mixed, rng.permutation(entries).astype(np.int64)[:last], low))
        for size in (last, entries // 16, 4):
            sets.append(_set(f"of_{size}", mixed[:size], rng.permutation(size).astype(np.int64), -(size // 2)))
        return tuple(sets)
    table = between(rng, -(1 << (width - 1)), (1 << (width - 1)) - 1, entries)
    if kind == "uniform":
        return (_set("uniform", table, between(rng, 0, entries - 1, 1000), -(entries // 2), kind),)
    # A sigmoid-like ramp and codes around the middle.
    ramp = (np.arange(entries, dtype=np.int64) * ((1 << width) - 1)) // (entries - 1) - (1 << (width - 1))
    near = np.clip(np.rint(rng.normal(entries / 2, entries / 8, 1000)), 0, entries - 1).astype(np.int64)
    return (_set("shaped", np.sort(ramp), near, -(entries // 2), kind),)


def _tables(rng: np.random.Generator, entries: int, width: int) -> list[tuple[str, Integers, bool]]:
    """Contents: in order, reversed, mixed, and the complement of the mixed one, so that each bit of each entry is
    once 0 and once 1 and no two neighbours are equal."""
    low = -(1 << (width - 1))
    step = max(1, (1 << width) // entries)
    ascending = low + step * np.arange(entries, dtype=np.int64)
    mixed = between(rng, low, -low - 1, entries) if (1 << width) > entries else rng.permutation(ascending)
    return [
        ("ascending", ascending, False),
        ("descending", ascending[::-1].copy(), False),
        ("mixed", mixed, False),
        ("complement", -1 - mixed, False),
        ("unsigned", mixed - low, True),
    ]


def _order(rng: np.random.Generator, entries: int) -> Integers:
    """Every entry ascending, then mixed, with the jumps between both ends and one entry twice."""
    ends = np.array([0, entries - 1, 0, 0], np.int64)
    return np.concatenate([np.arange(entries, dtype=np.int64), ends, rng.permutation(entries).astype(np.int64)])


def _set(name: str, table: Integers, index: Integers, input_low: int, kind: StimulusKind = "directed") -> Stimuli:
    constants = {"input_low": np.array([input_low], np.int64), "table": table}
    return Stimuli("table", name, kind, {"codes": index + input_low}, constants)
