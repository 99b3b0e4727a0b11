"""Every design is the unit of its datapath bit for bit, and every planted fault shows where its table says."""

from __future__ import annotations

import numpy as np
import pytest
from rtl import cases
from rtl.bugs import Bug, bugs, datapath_with
from rtl.model import Pauses
from rtl.toolchain import toolchain
from rtl.unit import Answer, model_of
from rtl.units import RTL_UNITS

from bittrue import workflow
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Arrays

SATURATING = {"mac.accumulator_bits": 20, "mac.overflow": "saturate"}
VARIANTS = {
    "mac": ({}, {"mac.accumulator_bits": 20, "mac.overflow": "wrap"}, SATURATING | {"mac.k_tile": 16},
            SATURATING | {"mac.bias": "last"}),
    "requantize": ({}, {"requantization.rounding": "half_even"}, {"requantization.multiplier_bits": 16}),
    "add": ({}, {"add.rounding": "half_away"}),
    "softmax": ({}, {"softmax.rounding": "half_even", "softmax.probability_bits": 8, "softmax.reciprocal_bits": 32}),
    "norm": ({}, {"norm.rounding": "toward_zero", "norm.fraction_bits": 12}),
}  # fmt: skip
"""By unit: changes of iot_npu for which a design is built; for any other unit iot_npu alone."""
LINES = [(unit, change) for unit in RTL_UNITS for change in VARIANTS.get(unit, ({},))]
PLANTED = [bug for bug in bugs() if bug.unit in RTL_UNITS]


def answered(unit: str, datapath: Datapath, arrays: Arrays, *, bug: int = 0, pauses: Pauses | None = None) -> Answer:
    """What the design that was built for a datapath makes of arrays."""
    design = RTL_UNITS[unit]
    return design.run(model_of(design.design(datapath)), unit_arrays(unit_form(datapath, unit), arrays), pauses, bug)


def expected(unit: str, datapath: Datapath, arrays: Arrays) -> dict[str, np.ndarray]:
    """What the simulator says, every stage; arrays that the unit does not read are left out."""
    known = {port.name for port in unit_form(datapath, unit).ports}
    read = {name: array for name, array in arrays.items() if name in known}
    return workflow.unit(unit, datapath=datapath, inputs=read, stages=True)


def arrays_for(unit: str, datapath: Datapath) -> Arrays:
    """The arrays of the unit, with multipliers as wide as the datapath's."""
    arrays = dict(cases.CASES[unit]())
    if unit == "requantize":
        arrays["multiplier"] = arrays["multiplier"] >> (31 - datapath.requantization.multiplier_bits)
    return arrays


@pytest.mark.parametrize("unit, change", LINES, ids=str)
def test_the_design_is_the_unit_with_and_without_stalls(unit: str, change: dict[str, int | str]) -> None:
    """Every word of every stage equals the simulator's, whatever the back-pressure."""
    datapath = datapath_with(change)
    arrays = arrays_for(unit, datapath)
    truth = expected(unit, datapath, arrays)
    for pauses in (None, Pauses(seed=1), Pauses(seed=2, offer=250, take=0), Pauses(seed=3, offer=0, take=250)):
        found = answered(unit, datapath, arrays, pauses=pauses).results
        assert list(found) == list(truth)
        for stage, words in truth.items():
            np.testing.assert_array_equal(found[stage], words, err_msg=f"{unit} {stage} {pauses}")


@pytest.mark.parametrize("unit, change", LINES, ids=str)
def test_verilator_has_no_warning(unit: str, change: dict[str, int | str]) -> None:
    """Each design is clean under verilator -Wall."""
    toolchain().lint(RTL_UNITS[unit].design(datapath_with(change)))


@pytest.mark.parametrize("bug", PLANTED, ids=str)
def test_a_planted_fault_shows_first_at_its_stage(bug: Bug) -> None:
    """Stages in front of the fault's own equal the unit's; its own differs, and the output but for statistics of rows:
    the last bit of a root or reciprocal drowns in the roundings behind it."""
    arrays = arrays_of(bug)
    truth = expected(bug.unit, bug.built_for, arrays)
    found = answered(bug.unit, bug.built_for, arrays, bug=bug.number).results
    first = next((stage for stage in truth if not np.array_equal(found[stage], truth[stage])), None)
    assert first == bug.stage
    assert bug.unit in ("softmax", "norm") or not np.array_equal(found["output"], truth["output"])


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug.expressed], ids=str)
def test_a_rule_says_exactly_what_the_fault_does(bug: Bug) -> None:
    """The faulty design's output is the unit's on the changed datapath, on every vector."""
    arrays = arrays_of(bug)
    found = answered(bug.unit, bug.built_for, arrays, bug=bug.number).results
    chosen = np.ones(found["output"].shape, bool)
    for name, (low, high) in bug.within.items():
        chosen &= (arrays[name] >= low) & (arrays[name] <= high)
    changed = {**arrays, **{name: np.array(value) for name, value in bug.set.items()}}
    if not chosen.all():
        changed = {name: np.broadcast_to(array, chosen.shape)[chosen] for name, array in changed.items()}
    truth = expected(bug.unit, bug.faulty, changed)["output"]
    np.testing.assert_array_equal(found["output"][chosen].reshape(truth.shape), truth)


def arrays_of(bug: Bug) -> Arrays:
    """The arrays on which a fault is tried."""
    unsigned = dict(bug.rule).get("mac.products") == "unsigned"
    return cases.mac_unsigned() if unsigned else arrays_for(bug.unit, bug.built_for)


def test_the_table_of_faults_is_whole() -> None:
    """Numbers count from 1 within a unit, and rules express at least 14 faults of mac, requantize, add and table."""
    for unit in {bug.unit for bug in bugs()}:
        numbers = [bug.number for bug in bugs() if bug.unit == unit]
        assert numbers == list(range(1, len(numbers) + 1))
    own = [bug for bug in bugs() if bug.unit in ("mac", "requantize", "add", "table")]
    assert len(own) >= 20
    assert sum(bool(bug.rule) for bug in own) >= 14


def test_another_arithmetic_is_refused() -> None:
    """A datapath that a design does not compute is refused, not built wrongly."""
    for unit, change in (
        ("requantize", {"requantization.second_rounding": "half_away"}),
        ("add", {"add.shifted_bits": 16}),
        ("mac", {"mac.spill_bits": 16, "mac.k_tile": 16}),
        ("mac", {"mac.overflow": "saturate", "mac.k_tile": 8}),
    ):
        with pytest.raises(Unsupported):
            RTL_UNITS[unit].design(datapath_with(change))
