"""Uniform stimuli of every unit that has a graph of words, small and legal, for the tests of mutants."""

from __future__ import annotations

import numpy as np

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Integers, Stimuli


def uniform(datapath: Datapath, unit: str, vectors: int, seed: int = 0) -> tuple[Stimuli, ...]:
    """Sets for one unit; every port of elementwise units is driven, rows come in two lengths."""
    draw = np.random.default_rng(seed)

    def of(low: int, high: int, *shape: int) -> Integers:
        return draw.integers(low, high, shape or (vectors,), endpoint=True)

    end = {"zero_point": of(-140, 140), "low": of(-128, -100), "high": of(90, 255)}
    reach = 1 << (datapath.mac.accumulator_bits - 1)
    scale = {"multiplier": of(0, (1 << 31) - 1), "shift": of(0, 62)}
    if unit == "requantize":
        return (Stimuli(unit, "all", "uniform", {"accumulator": of(-reach, reach - 1), **scale, **end}),)
    if unit == "add":
        codes = {"a": of(-128, 127), "b": of(-128, 127), "zero_point_a": of(-140, 140), "zero_point_b": of(-140, 140)}
        larger = {"multiplier_a": of(1 << 30, (1 << 31) - 1), "multiplier_b": of(0, (1 << 31) - 1), "shift": of(1, 61)}
        return (Stimuli(unit, "all", "uniform", {**codes, **larger, **end}),)
    if unit == "mul":
        codes = {"a": of(-128, 127), "b": of(-128, 127), "zero_point_a": of(-140, 140), "zero_point_b": of(-140, 140)}
        return (Stimuli(unit, "all", "uniform", {**codes, **scale, **end}),)
    if unit == "table":
        tables = {-128: of(-128, 127, 256), -100: of(-128, 127, 201)}
        return tuple(
            Stimuli(unit, f"from {low}", "uniform", {"codes": of(low, low + len(table) - 1)},
                    {"table": table, "input_low": np.array([low])})
            for low, table in tables.items()
        )  # fmt: skip
    if unit in ("silu", "gelu"):
        low, top = -(1 << 15), (1 << 23) - 1
        table = {"table": of(-top, top, 257), "input_low": np.array([low]), "input_bits": np.array([16])}
        return (Stimuli(unit, "all", "uniform", {"codes": of(low, -low - 1)}, table),)
    return tuple(_rows(datapath, unit, vectors, n, of) for n in (5, 40))


def _rows(datapath: Datapath, unit: str, vectors: int, n: int, of: object) -> Stimuli:
    assert callable(of)
    name = f"rows_of_{n}"
    if unit == "softmax":
        table = np.sort(of(0, 65535, 256))[::-1].copy()
        table[0], table[200:] = 65535, 0
        logits = of(-128, 127, vectors, n)
        logits[0] = [127, *[-128] * (n - 1)]
        return Stimuli(unit, name, "uniform", {"logits": logits}, {"table": table})
    if unit == "norm":
        bits = 16 if getattr(datapath.norm, "pre_shift_max", 0) else 8
        codes = of(-(1 << (bits - 1)), (1 << (bits - 1)) - 1, vectors, n)
        codes[0, 0] = -(1 << (bits - 1))
        return Stimuli(unit, name, "uniform", {"codes": codes}, norm_constants(datapath, n, bits, of))
    if unit == "mean":
        codes, limits = of(-128, 127, vectors, n), {"low": of(-128, -100), "high": of(90, 127)}
        scale = {"multiplier": of(0, (1 << 31) - 1), "shift": of(0, 62), "zero_point": of(-140, 140)}
        return Stimuli(unit, name, "uniform", {"codes": codes, "zero_point_x": of(-140, 140), **scale, **limits})
    reach = 1 << (datapath.mac.accumulator_bits - 1)
    if unit == "accumulate":
        most = reach - 1 if datapath.mac.overflow != "refuse" else reach // (n + 2)
        driven = {"addends": of(-most, most, vectors, n), "bias": of(-most, most), "initial": of(-most, most)}
        return Stimuli(unit, name, "uniform", {**driven, "pre_shift": of(0, 31)})
    assert unit == "mac"
    constants = {"weights": of(-128, 127, n, 16), "bias": of(-(1 << 18), 1 << 18, 16)}
    return Stimuli(unit, name, "uniform", {"activations": of(-128, 127, vectors, n)}, constants)


def norm_constants(datapath: Datapath, n: int, bits: int, of: object) -> dict[str, Integers]:
    """What a norm of rows of n codes is loaded with."""
    assert callable(of) and datapath.norm is not None
    epsilon = 1000
    unit, width = datapath.norm, Width(bits, True)
    shifts = unit.root_shift_and_reciprocal_bits(width, n, epsilon)  # type: ignore[attr-defined]
    pre_shift = unit.pre_shift(width, n)  # type: ignore[attr-defined]
    one = dict(zip(("root_shift", "reciprocal_bits"), (np.array([value]) for value in shifts), strict=True))
    affine = {"multiplier": of(-65535, 65535, n), "bias": of(-(1 << 30), 1 << 30, n), "shift": of(12, 20, n)}
    return {
        "epsilon": np.array([epsilon]), "pre_shift": np.array([pre_shift]), **one, **affine,
        "zero_point": of(-20, 20, n),
    }  # fmt: skip
