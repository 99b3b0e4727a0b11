"""Rounding cases, edges and toggled bits, on values decided by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.units import UNITS
from bittrue.spec.coverage import coverage_of
from bittrue.spec.coverage.cases import CASES, EDGES, at_edge, rounding_case
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Stimuli


@pytest.mark.parametrize(
    "value, shift, case",
    [
        (8, 2, "exact"), (9, 2, "below"), (10, 2, "tie"), (11, 2, "above"), (-10, 2, "tie"), (-11, 2, "below"),
        (-9, 2, "above"), (3, 4, "other"), (-3, 4, "other"), (7, 4, "below"), (24, 4, "tie"), (-7, 4, "above"),
        (5, 1, "tie"), (4, 1, "exact"), (-1, 1, "tie"), (5, 0, "exact"), (3 << 61, 62, "tie"), (-(1 << 61), 62, "tie"),
    ],
)  # fmt: skip
def test_each_value_has_one_rounding_case(value: int, shift: int, case: str) -> None:
    """What is dropped decides, of either sign: q + 1/2 is a tie, one LSB less or more its neighbour."""
    found = [name for name in CASES if rounding_case(np.array(value), np.array(shift), name)]
    assert found == [case]


def test_edges_are_where_the_clamp_begins() -> None:
    """One below and one above both limits are edges of their own; each value has one."""
    placed = np.array([-20, -9, -8, -7, 0, 6, 7, 8, 20])
    found = {edge: placed[at_edge(placed, np.array(-8), np.array(7), edge)].tolist() for edge in EDGES}
    assert found == {
        "under": [-20], "low-1": [-9], "low": [-8], "low+1": [-7], "inside": [0], "high-1": [6], "high": [7],
        "high+1": [8], "over": [20],
    }  # fmt: skip


def hit(datapath: Datapath, stimuli: Stimuli) -> list[set[str]]:
    """The names of the bins that each vector reaches."""
    arrays = unit_arrays(unit_form(datapath, stimuli.unit), stimuli.arrays)
    hits = coverage_of(datapath, stimuli.unit).hits(stimuli, UNITS[stimuli.unit](datapath, arrays))
    return [{name for name, mask in hits.items() if mask[vector]} for vector in range(stimuli.vectors)]


def iot(**mac: object) -> Datapath:
    """The default datapath with another MAC."""
    datapath = load_datapath("iot_npu")
    return datapath.model_copy(update={"mac": datapath.mac.model_copy(update=mac)})


def driven(unit: str, **columns: object) -> Stimuli:
    """A set whose columns are all driven."""
    return Stimuli(unit, "hand", "directed", {name: np.array(column, np.int64) for name, column in columns.items()})


def test_requantize_by_hand() -> None:
    """5 / 2 is a tie that half_up makes 3; with a zero point of -131 it stands at the lowest code."""
    stimuli = driven(
        "requantize", accumulator=[5, -3], multiplier=[1, 4], shift=[1, 3], zero_point=[-131, 0], low=[-128] * 2,
        high=[127] * 2,
    )  # fmt: skip
    first, second = hit(iot(), stimuli)
    assert first >= {"rounding/tie.positive.low", "tie/1.positive", "multiplier/2^0", "shift/1", "product.bits/2=1"}
    assert second >= {"rounding/tie.negative.inside", "tie/3.negative", "multiplier/2^2", "zero_point/0"}
    assert "accumulator/-1" not in second and "rounding/tie.positive.low" not in second


def test_a_vector_counts_where_any_of_its_elements_does() -> None:
    """Where a vector has several elements, one of them is enough."""
    one = {"multiplier": 1, "shift": 1, "zero_point": 0, "low": -128, "high": 127}
    constants = {name: np.array(value) for name, value in one.items()}
    stimuli = Stimuli("requantize", "rows", "real", {"accumulator": np.array([[4, 5], [4, 6]])}, constants)
    first, second = hit(iot(), stimuli)
    assert "tie/1.positive" in first and "tie/1.positive" not in second


def test_softmax_by_hand() -> None:
    """Equal logits, the maximum last, and a sum of 65536, which divides 2**46 and leaves the top before the limit."""
    table = np.concatenate([[65535, 1], np.zeros(254, np.int64)])
    logits = np.array([[5, 5, 5], [0, 3, 9], [7, 6, -100]])
    equal, last, exact = hit(iot(), Stimuli("softmax", "hand", "directed", {"logits": logits}, {"table": table}))
    assert {"row/equal", "table/0"} <= equal and "row/max_last" not in equal
    assert {"row/max_last", "row/ascending", "codes/one_hot", "output/saturated", "table/9"} <= last
    assert {"row/max_first", "division/exact", "output/top", "codes/both_signs", "after/lower"} <= exact


def test_overflow_by_hand() -> None:
    """At the end, one past it, and past it and back: a 20-bit register that wraps."""
    addends = np.array([[0, 0], [1, 0], [1, -1], [3, 0]])
    bias = np.full(4, (1 << 19) - 1)
    zeros = np.zeros(4, np.int64)
    stimuli = driven("accumulate", addends=addends, bias=bias, initial=zeros, pre_shift=zeros)
    at, past, back, far = hit(iot(accumulator_bits=20, overflow="wrap"), stimuli)
    assert "sum/max" in at and not {"overflow/up", "overflow/up_and_back"} & at
    assert "sum/max+1" in past and not {"overflow/up", "overflow/up_and_back"} & past
    assert {"sum/max", "overflow/up_and_back"} <= back
    assert "overflow/up" in far and "sum/max+1" not in far


def test_mac_by_hand() -> None:
    """Only lane 3 has a product, and the register holds -1."""
    activations = np.zeros((2, 17), np.int64)
    activations[0, 3], activations[1, 16] = 1, -128
    weights = np.full((17, 1), -1)
    stimuli = Stimuli("mac", "hand", "directed", {"activations": activations}, {"weights": weights})
    lane, last = hit(iot(), stimuli)
    assert {"lane/3", "sum/-1", "operands/1.-1", "length/one_more"} <= lane and "lane/2" not in lane
    assert {"only/last", "lane/0", "operands/-128.-1"} <= last


def test_norm_by_hand() -> None:
    """A constant row leaves epsilon as its variance: 9 << 2k is a square, and u = 0 leaves beta."""
    datapath = iot()
    unit = datapath.norm
    from bittrue.spec.units.norm.exact import ExactNorm
    from bittrue.spec.units.section import Width

    assert isinstance(unit, ExactNorm)
    root_shift, reciprocal_bits = unit.root_shift_and_reciprocal_bits(Width(8, True), 3, 9)
    constants = {
        "epsilon": [9], "root_shift": [root_shift], "reciprocal_bits": [reciprocal_bits], "multiplier": [7] * 3,
        "bias": [6, -6, 0], "shift": [2] * 3, "zero_point": [0], "low": [-128], "high": [127],
    }  # fmt: skip
    stimuli = Stimuli(
        "norm", "hand", "directed", {"codes": np.array([[4, 4, 4], [4, 4, 5]])},
        {name: np.array(value, np.int64) for name, value in constants.items()},
    )  # fmt: skip
    constant, outlier = hit(datapath, stimuli)
    assert {"row/constant", "root/exact", "rounding/tie.positive.inside", "rounding/tie.negative.inside"} <= constant
    assert {"row/outlier_last", "sum/positive"} <= outlier and "row/constant" not in outlier
