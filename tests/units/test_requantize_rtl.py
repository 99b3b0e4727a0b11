"""The judge's requantizer against outputs of real third-party RTL, simulated elsewhere: 0 of 137,840 differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from op_datapaths import datapath
from shared_data import SHARED, need

from bittrue.golden.units.requantize import run
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath

ITA = {
    "requantization.multiplier_bits": 8,
    "requantization.normalized": False,
    "requantization.shift_min": 0,
    "requantization.shift_max": 63,
    "requantization.input_bits": 26,
    "requantization.product_bits": 35,
    "requantization.rounding": "half_up",
    "requantization.shifted_bits": 34,
    "requantization.shifted_overflow": "wrap",
    "requantization.placed_bits": 34,
}
CFU_MNV2 = {
    "requantization.bias": "before_multiply",
    "requantization.input_bits": 32,
    "requantization.rounding": "half_up",
    "requantization.second_rounding": "half_away",
    "requantization.lifted_bits": 32,
    "requantization.high_bits": 32,
}


def int64(*values: int) -> torch.Tensor:
    """Integers as an int64 tensor."""
    return torch.tensor(values, dtype=torch.int64)


def vectors(name: str) -> dict[str, torch.Tensor]:
    """All integer arrays of a file of vectors as int64."""
    held = np.load(need(SHARED / "vectors" / name), allow_pickle=False)
    arrays = {key: held[key] for key in held.files}
    return {
        key: torch.from_numpy(np.array(array, np.int64)) for key, array in arrays.items() if array.dtype.kind in "iu"
    }


def mismatches_of_ita(path: Datapath) -> int:
    """Of 7,365 vectors of 16 lanes, signed and unsigned inputs, of ita_requantizer.sv."""
    held = vectors("ita_requantizer.npz")
    names = {"multiplier": "eps_mult", "shift": "right_shift", "zero_point": "add", "unsigned": "unsigned_mode"}
    found = run(path, {"accumulator": held["acc"], **{name: held[key][:, None] for name, key in names.items()}})
    assert found["output"].shape == (7365, 16)
    return int((found["output"] != held["out"]).sum())


def mismatches_of_cfu_mnv2(path: Datapath) -> int:
    """Of 20,000 vectors of post_process.py; its shift is 31 less ours."""
    held = vectors("cfu_mnv2_postprocess.npz")
    names = {"accumulator": "acc", "bias": "bias", "multiplier": "multiplier", "zero_point": "offset"}
    ends = {"low": held["act_min"], "high": held["act_max"], "shift": 31 - held["shift"]}
    found = run(path, {**{name: held[key] for name, key in names.items()}, **ends})
    assert found["output"].shape == (20_000,)
    return int((found["output"] != held["out"]).sum())


@pytest.mark.parametrize("path", [datapath(ITA), load_datapath("ita")], ids=["stated here", "packaged"])
def test_ita(path: Datapath) -> None:
    """pulp-platform's ITA: every output."""
    assert mismatches_of_ita(path) == 0


@pytest.mark.parametrize("path", [datapath(CFU_MNV2), load_datapath("cfu_mnv2")], ids=["stated here", "packaged"])
def test_cfu_mnv2(path: Datapath) -> None:
    """CFU-Playground's mnv2_first: every output."""
    assert mismatches_of_cfu_mnv2(path) == 0


@pytest.mark.parametrize(
    ("field", "value"), [("input_bits", 25), ("rounding", "half_away"), ("rounding", "half_even"), ("bias", "none")]
)
def test_the_vectors_can_tell(field: str, value: object) -> None:
    """Another input width or rounding is seen in ITA's vectors, a missing bias in the other's."""
    change = {f"requantization.{field}": value}
    if field == "bias":
        assert mismatches_of_cfu_mnv2(datapath({**CFU_MNV2, **change})) > 0
    else:
        assert mismatches_of_ita(datapath({**ITA, **change})) > 0


def test_ita_by_hand() -> None:
    """26 bits in, u8 multiplier, 34 bits: acc 2**25 wraps to -2**25, or is 2**25 read unsigned.

    -2**25 * 3 = -100663296; / 2**20 = -96; + 5 = -91. Unsigned: 96 + 5 = 101.
    """
    path = datapath(ITA)
    one = {"accumulator": int64(1 << 25, 1 << 25), "multiplier": int64(3), "shift": int64(20)}
    found = run(path, {**one, "zero_point": int64(5), "unsigned": int64(0, 1)})
    assert list(found) == ["entered", "product", "rounded", "limited", "placed", "output"]
    assert found["entered"].tolist() == [-(1 << 25), 1 << 25]
    assert found["product"].tolist() == [-100663296, 100663296]
    assert found["output"].tolist() == [-91, 101]
