"""A graph of words, unmutated, is the unit: every stage of every vector equals the simulator's."""

from __future__ import annotations

import numpy as np
import pytest
from mutant_stimuli import uniform

from bittrue.golden.mutants.evaluate import run
from bittrue.golden.mutants.units import GRAPHS, ports_of, stages_of, words_of
from bittrue.golden.mutants.words import holds
from bittrue.golden.stimuli import MADE, stimuli_of
from bittrue.golden.stimuli.norm_rows import scaling_of
from bittrue.golden.stimuli.norm_sets import norm_set
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.units import UNITS
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.catalog import UNITS as CATALOG
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Stimuli

IOT = load_datapath("iot_npu")
WIDE = load_datapath("iot_npu_wide")
UNITS_OF_IOT = ("requantize", "add", "mul", "mean", "table", "softmax", "norm", "mac", "accumulate")


def with_mac(**fields: object) -> Datapath:
    """iot_npu with another accumulator."""
    return IOT.model_copy(update={"mac": IOT.mac.model_copy(update=fields)})


def rounding(mode: str) -> Datapath:
    """iot_npu with another rounding in every unit."""
    sections = {name: getattr(IOT, name) for name in ("requantization", "add", "softmax", "norm")}
    return IOT.model_copy(
        update={name: type(section).model_validate(section.model_dump() | {"rounding": mode})
                for name, section in sections.items()}
    )  # fmt: skip


CASES = {
    **{f"{unit} of iot_npu": (IOT, unit) for unit in UNITS_OF_IOT},
    **{f"{unit} of iot_npu_wide": (WIDE, unit) for unit in ("norm", "silu", "gelu")},
    **{
        f"{unit}, 20 bits, {overflow}": (with_mac(accumulator_bits=20, overflow=overflow), unit)
        for overflow in ("wrap", "saturate", "saturate_at_end")
        for unit in ("mac", "accumulate", "mean")
    },
    "mac, adder and spill": (
        with_mac(accumulator_bits=20, overflow="saturate", k_tile=8, adder_bits=18, spill_bits=19),
        "mac",
    ),
    "mac, bias last": (with_mac(accumulator_bits=20, overflow="wrap", bias="last"), "mac"),
    **{f"{unit}, {mode}": (rounding(mode), unit) for mode in Rounding for unit in ("requantize", "add", "norm")},
}


def assert_equal(datapath: Datapath, unit: str, stimuli: Stimuli) -> None:
    words = words_of(datapath, unit)
    trace = run(words.graph, ports_of(words, stimuli))
    found = stages_of(words, trace, stimuli.vectors)
    wanted = UNITS[unit](datapath, unit_arrays(unit_form(datapath, unit), stimuli.arrays))
    assert tuple(found) == tuple(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array.reshape(stimuli.vectors, -1), err_msg=name)
    for node in words.graph.nodes:
        values = trace[node.name]
        assert holds(node.width, (int(values.min()), int(values.max())))
        assert node.interval[0] <= values.min() and values.max() <= node.interval[1], node.name
    for fact in words.graph.facts:
        assert trace[fact].all(), fact


@pytest.mark.parametrize("case", CASES)
def test_a_graph_is_its_unit(case: str) -> None:
    """Random vectors; and no wire leaves the interval that was proved for it."""
    for stimuli in uniform(*CASES[case], vectors=200):
        assert_equal(*CASES[case], stimuli)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 255, 1024, 1025, 4095, 4096])
def test_what_is_claimed_of_a_norm_holds_for_any_epsilon(n: int) -> None:
    """Intervals and facts that proofs lean on: constant rows, outliers, halves; epsilons around every power of two."""
    rows = np.stack([np.full(n, -7), np.full(n, 90), np.full(n, -128), np.arange(n) % 256 - 128, np.full(n, 127)])
    rows[1, 0], rows[2, -1], rows[4, : n // 2] = 91, 127, -128
    epsilons = {1, 2, 3} | {(1 << bit) + by for bit in range(2, 62, 1 if n < 100 else 9) for by in (-1, 0)}
    scalings = [scaling_of(IOT.norm, n, epsilon) for epsilon in sorted(epsilons)]
    legal = [scaling for scaling in scalings if scaling is not None]
    assert len(legal) >= len(scalings) - 1
    for scaling in legal:
        assert_equal(IOT, "norm", norm_set("any", rows, scaling, gamma=3, beta=5, shift=9))


@pytest.mark.parametrize("unit", [unit for unit in MADE if unit in UNITS_OF_IOT])
def test_a_graph_is_its_unit_at_the_corners(unit: str) -> None:
    """The directed sets reach the corners that random vectors miss."""
    for stimuli in stimuli_of(IOT, unit, "directed"):
        assert_equal(IOT, unit, stimuli)


def test_whoever_adds_a_unit_adds_its_graph() -> None:
    """The catalog, the graphs and the stimuli name the same units; a kind without a graph is refused below."""
    assert set(GRAPHS) == set(CATALOG)
    assert set(MADE) <= set(GRAPHS)


def test_units_without_a_graph_are_refused() -> None:
    """A pipeline that the graph does not state is no pipeline that it may judge."""
    for datapath, unit in (("nvdla_small", "requantize"), ("ita", "softmax"), ("cfu_mnv2", "requantize")):
        with pytest.raises(Unsupported, match="graph of words"):
            words_of(load_datapath(datapath), unit)
