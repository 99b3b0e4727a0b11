"""The designs of rows serve rows of any length, one behind the other, and constants in the forms that a step has."""

from __future__ import annotations

import numpy as np
import pytest
from rtl.bugs import Bug, bugs
from rtl.model import Pauses
from rtl.row_cases import LENGTHS, norm, norm_shifts, softmax
from rtl.unit import model_of
from rtl.unit_norm import NORM
from rtl.unit_softmax import SOFTMAX

from bittrue import workflow
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Arrays, Width

IOT_NPU = load_datapath("iot_npu")
EPSILONS = {n: (1, 1 + n * n // 3) for n in LENGTHS}


ROWS = {"softmax": (SOFTMAX, softmax), "norm": (NORM, norm)}


def check(unit: str, arrays: Arrays, pauses: Pauses | None) -> None:
    """The design's words of every stage equal the simulator's."""
    design, _ = ROWS[unit]
    filled = unit_arrays(unit_form(IOT_NPU, unit), arrays)
    found = design.run(model_of(design.design(IOT_NPU)), filled, pauses, 0).results
    truth = workflow.unit(unit, datapath=IOT_NPU, inputs=arrays, stages=True)
    assert list(found) == list(truth)
    for stage, words in truth.items():
        np.testing.assert_array_equal(found[stage], words, err_msg=f"{unit} {stage}")


@pytest.mark.parametrize("pauses", [None, Pauses(seed=5)], ids=["flowing", "stalled"])
@pytest.mark.parametrize("n", LENGTHS)
def test_rows_of_any_length(n: int, pauses: Pauses | None) -> None:
    """Softmax and norm of rows of n equal the simulator's at every stage."""
    check("softmax", softmax(n), pauses)
    for epsilon in EPSILONS[n]:
        check("norm", norm(n, epsilon), pauses)


def test_rows_of_many_lengths_follow_each_other() -> None:
    """Nothing of a row stays for the next one, whatever their lengths."""
    rng = np.random.default_rng(7)
    table = softmax()["table"]
    rows = [rng.integers(-128, 127, (1, int(n)), endpoint=True) for n in rng.integers(1, 40, 200)]
    truth = [workflow.unit("softmax", datapath=IOT_NPU, inputs={"logits": row, "table": table}) for row in rows]
    last = np.concatenate([np.arange(row.size) == row.size - 1 for row in rows])
    played = model_of(SOFTMAX.design(IOT_NPU)).run(
        {"logits": np.concatenate(rows, axis=1)[0]},
        in_last=last,
        out_beats=last.size,
        constants=[table],
        pauses=Pauses(seed=3),
    )
    np.testing.assert_array_equal(played.outputs["output"], np.concatenate([one["output"][0] for one in truth]))
    np.testing.assert_array_equal(played.last, last)


def test_one_gamma_serves_all_elements() -> None:
    """A constant of one word holds for the whole row, whatever was loaded before."""
    arrays = norm()
    check("norm", arrays, None)
    check("norm", arrays | {name: arrays[name][:1] for name in ("multiplier", "bias", "shift")}, None)


def test_unsigned_codes() -> None:
    """Logits and codes of 0..255 are numbers of 8 bits too."""
    check("softmax", {**softmax(), "logits": softmax()["logits"] + 128}, None)
    arrays = norm(49, 1)
    shift, bits = norm_shifts(49, 1, Width(8, False))
    check("norm", {**arrays, "codes": arrays["codes"] + 128, "root_shift": shift, "reciprocal_bits": bits}, None)


def test_the_longest_row() -> None:
    """A row may fill the memory."""
    check("softmax", {**softmax(), "logits": np.random.default_rng(1).integers(-128, 128, (2, 4096))}, None)
    check("norm", norm(4096, 1), None)


@pytest.mark.parametrize("bug", [bug for bug in bugs() if bug.unit in ROWS and bug.expressed], ids=str)
def test_a_rule_gives_every_stage_of_a_fault(bug: Bug) -> None:
    """On the datapath of its rule the unit shows the faulty design's words at every stage, not at the output alone."""
    design, cases = ROWS[bug.unit]
    arrays = cases()
    filled = unit_arrays(unit_form(IOT_NPU, bug.unit), arrays)
    found = design.run(model_of(design.design(IOT_NPU)), filled, None, bug.number).results
    changed = {**arrays, **{name: np.array(value) for name, value in bug.set.items()}}
    truth = workflow.unit(bug.unit, datapath=bug.faulty, inputs=changed, stages=True)
    for stage, words in truth.items():
        np.testing.assert_array_equal(found[stage], words, err_msg=stage)
