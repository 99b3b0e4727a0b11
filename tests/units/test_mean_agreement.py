"""mean alone: kernel and judge give the same integers in every stage, through every accumulator and requantizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from op_datapaths import (
    ADDERS,
    ENDS,
    FLOAT32,
    IOT_NPU,
    NARROW,
    REGISTERS,
    ROUNDINGS,
    SHIFTS,
    SPILLS,
    SUBTRACTED,
    THRESHOLDS,
    TILED,
    UNSIGNED,
    WIDE,
    datapath,
)
from unit_agreement import same_stages

from bittrue.golden.units import mean as judge
from bittrue.simulator.units import mean as kernel
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.units.mean import SCALE_HIGH, SCALE_LOW, check_mean, mean_ports, mean_stages

Arrays = dict[str, NDArray[np.int64]]
FOLDED = {
    "iot_npu": IOT_NPU, **NARROW, **ENDS, **ADDERS, **SPILLS, **TILED, **SUBTRACTED, **UNSIGNED, **WIDE, **ROUNDINGS,
    **REGISTERS, **FLOAT32, **SHIFTS, **THRESHOLDS,
}  # fmt: skip
RAW = {
    "float32": datapath({"mean.kind": "float32"}),
    "float32, saturate12": datapath({"mean.kind": "float32", "mac.accumulator_bits": 12, "mac.overflow": "saturate"}),
    "float32, wrap10 in tiles": datapath(
        {"mean.kind": "float32", "mac.accumulator_bits": 10, "mac.overflow": "wrap", "mac.k_tile": 3}
    ),
}
PATHS = {**FOLDED, **RAW}


def agree(path: Datapath, arrays: Arrays) -> Arrays:
    """Check the operands against the contract, then compare the two statements."""
    unit = path.requantizer("mean")
    names = {port.name for port in mean_ports(path.mean, unit)}
    arrays = {name: values for name, values in arrays.items() if name in names}
    check_mean(path.mean, unit, arrays)
    return same_stages(path, kernel.run, judge.run, arrays, (*mean_stages(path.mean, unit), "output"))


def parameters(rng: np.random.Generator, path: Datapath, codes: NDArray[np.int64], count: int) -> Arrays:
    """Zero points and what the requantizer reads, `count` of each, such that sums fill 8 bits and more."""
    unit = path.requantizer("mean")
    largest = max(1, int(np.abs(codes).max()) * codes.shape[1])
    bits, spread = unit.multiplier_bits, max(1, largest.bit_length() - 8)
    arrays: Arrays = {
        "zero_point_x": rng.integers(-130, 130, count),
        "shift": np.clip(bits - 1 + spread + rng.integers(-2, 3, count), max(1, unit.shift_min), unit.shift_max),
        "multiplier": rng.integers(1 << (bits - 1), 1 << bits, count),
        "zero_point": rng.integers(-128, 128, count),
        "low": np.full(count, -128),
        "high": np.full(count, 127),
        "thresholds": np.sort(rng.integers(-largest, largest, 255)),
        "scale": np.ldexp(1 + rng.random(count), -spread).astype(np.float32).view(np.int32).astype(np.int64),
    }
    if unit.kind == "shift":
        arrays["shift"] = np.clip(spread + rng.integers(-1, 2, count), unit.shift_min, unit.shift_max)
    if unit.kind == "float32":
        arrays["multiplier"] = arrays["scale"]
    return arrays


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_datapath(path: Datapath) -> None:
    """Rows of several lengths, values at the ends of int8 and inside; one parameter for all rows and one for each."""
    for seed, (rows, n) in enumerate([(64, 1), (40, 7), (24, 49), (9, 320), (1, 13)]):
        rng = np.random.default_rng(seed)
        codes = rng.integers(-128, 128, (rows, n))
        codes[: rows // 3] = rng.choice([-128, 127], (rows // 3, n))
        codes[0] = 127
        for count in (1, rows):
            agree(path, {**parameters(rng, path, codes, count), "codes": codes})


@pytest.mark.parametrize("path", [IOT_NPU, *RAW.values()], ids=["iot_npu", *RAW])
def test_every_code(path: Datapath) -> None:
    """Rows of one element: all 8-bit codes under 64 parameters; rows of two: all 65,536 pairs."""
    rng = np.random.default_rng(4)
    alone, pairs = np.arange(-128, 128)[:, None], np.stack(np.divmod(np.arange(65536), 256), axis=1) - 128
    for _ in range(64):
        agree(path, {**parameters(rng, path, alone, 1), "codes": alone})
    for _ in range(4):
        agree(path, {**parameters(rng, path, pairs, 1), "codes": pairs})


@settings(max_examples=80, deadline=None)
@given(
    path=st.sampled_from(list(PATHS.values())),
    bits=st.integers(2, 20),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 60)),
    point=st.integers(-(1 << 24), 1 << 24) | st.integers(-200, 200),
    seed=st.integers(0, 1 << 30),
)
def test_any_codes(path: Datapath, bits: int, shape: tuple[int, int], point: int, seed: int) -> None:
    """Codes of up to 20 bits, zero points as wide, any ends."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(-(1 << bits), 1 << bits, shape)
    arrays = {**parameters(rng, path, codes, shape[0]), "codes": codes}
    arrays |= {"zero_point_x": np.array([point]), "low": rng.integers(-300, 0, 1), "high": rng.integers(0, 300, 1)}
    try:
        agree(path, arrays)
    except BittrueError:
        assume(False)


@settings(max_examples=100, deadline=None)
@given(
    scale=st.integers(SCALE_LOW, SCALE_HIGH) | st.sampled_from([SCALE_LOW, SCALE_LOW + 1, SCALE_HIGH - 1, SCALE_HIGH]),
    points=st.tuples(st.integers(-(1 << 23), 1 << 23), st.integers(-(1 << 23), 1 << 23)),
    bits=st.integers(1, 31),
    seed=st.integers(0, 1 << 30),
)
def test_any_float32_scale(scale: int, points: tuple[int, int], bits: int, seed: int) -> None:
    """Scales from 2**-100 to 2**31: values that vanish, that round, and that int32 cannot hold."""
    rng = np.random.default_rng(seed)
    arrays = {
        "codes": rng.integers(-(1 << bits), 1 << bits, (50, 5)),
        "zero_point_x": np.array([points[0]]),
        "scale": np.array([scale]),
        "zero_point": np.array([points[1]]),
        "low": np.array([-(1 << 31)]),
        "high": np.array([(1 << 31) - 1]),
    }
    agree(RAW["float32"], arrays)


def test_float32_by_hand() -> None:
    """(3 + 4) * 0.5 + (1 - 2 * 2 * 0.5) = 2.5 rounds to 2; one code more: 3; past int32 it is held at the end."""
    half = int(np.float32(0.5).view(np.int32))
    arrays = {
        "codes": np.array([[3, 4], [4, 4], [1 << 30, 1 << 34], [-(1 << 30), -(1 << 34)]]), "scale": np.array([half]),
        "zero_point_x": np.array([2]), "zero_point": np.array([1]),
        "low": np.array([-(1 << 40)]), "high": np.array([1 << 40]),
    }  # fmt: skip
    found = agree(RAW["float32"], arrays)
    assert found["rounded"].tolist() == [2, 3, (1 << 31) - 1, -(1 << 31)]
