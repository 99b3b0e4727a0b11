"""The units mul and mean alone, fast and judged, against Python integers: every pair of codes, rows of any length."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from op_datapaths import IOT_NPU, NARROW, datapath
from plain_units import finished_sum, float32, float32_of, leaving, requantized, row_tiles, saturated, within

from bittrue.golden.units import UNITS as JUDGES
from bittrue.simulator.units import UNITS as FAST
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError, OutOfDomain
from bittrue.spec.units.catalog import unit_arrays, unit_form

GEMMLOWP = {"requantization.second_rounding": "half_away", "requantization.shift_min": 0}
PATHS = {
    "half up": IOT_NPU,
    "gemmlowp": datapath(GEMMLOWP),
    "mul alone rounds to even": datapath({"requantization.of.mul.rounding": "half_even"}),
    "float32": datapath({"requantization.kind": "float32", "requantization.rounding": "half_even"}),
}
PAIRS = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")


def ran(name: str, path: Datapath, **given: Any) -> dict[str, np.ndarray]:
    """The unit with its refusals; kernel and judge agree in every stage."""
    arrays = unit_arrays(unit_form(path, name), {key: np.asarray(value) for key, value in given.items()})
    found = FAST[name](path, arrays)
    judged = JUDGES[name](path, {key: torch.from_numpy(np.array(value)) for key, value in arrays.items()})
    assert list(found) == list(judged) == [*unit_form(path, name).stages, "output"]
    for stage, values in found.items():
        assert values.dtype == np.int64
        assert values.tolist() == judged[stage].expand(values.shape).tolist(), stage
    return found


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(
    ("shift", "points"), [(33, (0, 0, 0)), (37, (-128, 127, -128)), (38, (3, -77, 5)), (30, (127, 0, 9))]
)
def test_every_pair(path: Datapath, shift: int, points: tuple[int, int, int]) -> None:
    """All 65,536 pairs; power-of-two ratios, whose products tie, and others."""
    z_a, z_b, zero_point = points
    unit, float_kind = path.requantizer("mul"), path.requantizer("mul").kind == "float32"
    multiplier = (1 << 30) if shift != 38 else 1999999973
    scale = (
        {"multiplier": np.float32(multiplier / 2**shift)} if float_kind else {"multiplier": multiplier, "shift": shift}
    )
    found = ran("mul", path, a=PAIRS[0], b=PAIRS[1], zero_point_a=z_a, zero_point_b=z_b, zero_point=zero_point, **scale)
    bits = int(np.float32(multiplier / 2**shift).view(np.int32)) if float_kind else multiplier

    @cache
    def plain(product: int) -> dict[str, int]:
        return requantized(unit, product, bits, 0 if float_kind else shift, zero_point)

    products = [
        (a - z_a) * (b - z_b) for a, b in zip(PAIRS[0].reshape(-1).tolist(), PAIRS[1].reshape(-1).tolist(), strict=True)
    ]
    assert found["accumulator"].reshape(-1).tolist() == products
    for stage in ("rounded", "output"):
        assert found[stage].reshape(-1).tolist() == [plain(product)[stage] for product in products]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(["half up", "gemmlowp"]))
def test_mul_of_16_bits(data: st.DataObject, name: str) -> None:
    """Any multiplier and shift for codes of 16 bits, each element with its own."""
    path, count = PATHS[name], 9
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    a, b = rng.integers(-32768, 32768, (2, count))
    multiplier, shift = rng.integers(0, 1 << 31, count), rng.integers(31, 63, count)
    found = ran("mul", path, a=a, b=b, multiplier=multiplier, shift=shift, low=-32768, high=32767)
    unit = path.requantizer("mul")
    for i in range(count):
        wanted = requantized(unit, int(a[i]) * int(b[i]), int(multiplier[i]), int(shift[i]), 0, -32768, 32767)
        assert {stage: found[stage][i] for stage in wanted} == wanted


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 60), name=st.sampled_from(["half up", "gemmlowp", *NARROW]))
def test_mean(seed: int, n: int, name: str) -> None:
    """Rows through the accumulator, with its overflow rule, and the requantizer."""
    path, rng, rows = {**PATHS, **NARROW}[name], np.random.default_rng(seed), 5
    codes, z = rng.integers(-128, 128, (rows, n)), rng.integers(-128, 128, rows)
    multiplier, shift = rng.integers(1 << 30, 1 << 31, rows), rng.integers(30, 42, rows)
    found = ran("mean", path, codes=codes, zero_point_x=z, multiplier=multiplier, shift=shift, zero_point=3)
    for i, row in enumerate(codes.tolist()):
        tiles = row_tiles(path.mac, [q - int(z[i]) for q in row])
        total = leaving(path.mac, finished_sum(path.mac, tiles))
        wanted = requantized(path.requantizer("mean"), total, int(multiplier[i]), int(shift[i]), 3)
        assert found["accumulator"][i] == total
        assert {stage: found[stage][i] for stage in wanted} == wanted


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 300))
def test_float32_mean(seed: int, n: int) -> None:
    """XNNPACK's: raw codes, every float32 operation rounded once, the zero points in the bias."""
    path, rng = datapath({"mean": {"kind": "float32"}}), np.random.default_rng(seed)
    codes, z, zero_point = rng.integers(-128, 128, (4, n)), int(rng.integers(-128, 128)), int(rng.integers(-128, 128))
    scales = (np.exp2(rng.uniform(-3, 2, 4)) / n).astype(np.float32)
    found = ran("mean", path, codes=codes, zero_point_x=z, scale=scales, zero_point=zero_point)
    for i, row in enumerate(codes.tolist()):
        scale = float32_of(int(scales[i].view(np.int32)))
        bias = float32(zero_point - float32(z * n * scale))
        rounded = saturated(round(float32(float32(sum(row) * scale) + bias)), 32)
        wanted = {"accumulator": sum(row), "rounded": rounded, "output": within(rounded, -128, 127)}
        assert {stage: found[stage][i] for stage in found} == wanted


BIG = 1 << 20
REFUSED: dict[str, tuple[str, Datapath, dict[str, Any], type[BittrueError]]] = {
    "no shift": ("mul", IOT_NPU, {"a": [1], "b": [2], "multiplier": [1 << 30]}, BadInput),
    "multiplier too wide": ("mul", IOT_NPU, {"a": [1], "b": [2], "multiplier": [1 << 31], "shift": [3]}, OutOfDomain),
    "product too wide": ("mul", IOT_NPU, {"a": [BIG], "b": [BIG], "multiplier": [1 << 30], "shift": [9]}, OutOfDomain),
    "no rows": ("mean", IOT_NPU, {"codes": [1, 2], "multiplier": [1 << 30], "shift": [3]}, OutOfDomain),
    "no codes": ("mean", IOT_NPU, {"codes": np.zeros((2, 0), int), "multiplier": [1 << 30], "shift": [3]}, OutOfDomain),
    "unknown array": ("mean", IOT_NPU, {"codes": [[1]], "multiplier": [1], "shift": [3], "scale": [1]}, BadInput),
}  # fmt: skip


@pytest.mark.parametrize(("name", "path", "given", "error"), REFUSED.values(), ids=REFUSED)
def test_refusals(name: str, path: Datapath, given: dict[str, Any], error: type[BittrueError]) -> None:
    """Missing, unknown and unsuitable arrays."""
    with pytest.raises(error):
        unit_arrays(unit_form(path, name), {key: np.asarray(value) for key, value in given.items()})


def test_a_float32_scale_that_is_no_number() -> None:
    """A mean by float32 refuses scales of 0, below 0 and infinity."""
    path = datapath({"mean": {"kind": "float32"}})
    for scale in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(BittrueError, match="float32 scale of a mean"):
            unit_arrays(
                unit_form(path, "mean"), {"codes": np.ones((1, 1), int), "scale": np.array([scale], np.float32)}
            )
