"""Faults in netlists: vectors show them, proofs excuse only those that nobody can tell from the design."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rtl.cases import CASES
from rtl.invariants import INVARIANTS
from rtl.mutant_match import HANDSHAKE, Match, MutantModel, Score, brief, first_of, score
from rtl.mutate import main, read_arrays
from rtl.mutation_table import COMMAND, read_rows, report, row_of, section, write_row
from rtl.netlist import BRIEF, CLEAN, PATIENT, REVERSED, Mutant, multiplexed, mutants, noise, synthesize
from rtl.proof import Prover, invariant_holds
from rtl.unit import model_of
from rtl.units import RTL_UNITS
from rtl.yosys import yosys

from bittrue.hw_configs.load import load_datapath
from bittrue.reports.page_tables import begin, check_markers
from bittrue.spec.errors import BadInput
from bittrue.spec.units.catalog import unit_arrays, unit_form

IOT_NPU = load_datapath("iot_npu")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "mutation.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the netlist of bt_softmax."""
    made = tmp_path_factory.mktemp("softmax")
    synthesize(RTL_UNITS["softmax"].design(IOT_NPU), made)
    return made


@pytest.fixture(scope="module")
def prover(folder: Path) -> Prover:
    """For bt_softmax."""
    return Prover(RTL_UNITS["softmax"].design(IOT_NPU), folder, timeout_s=120)


def faults(prover: Prover, cell: str, port: str) -> str:
    """Options of `mutate` for a pin of the only cell of bt_softmax whose name begins so, less mode and bit."""
    (name,) = (name for name in prover.netlist["cells"] if name.startswith(cell))
    return f"-module bt_softmax -cell {name} -port {port}"


def test_a_score_counts_every_mutant_once(tmp_path: Path) -> None:
    """Killed, equivalent and survived add up, and some hundred vectors kill most faults of a table."""
    arrays = CASES["table"]()
    arrays["codes"] = arrays["codes"][:300]
    found = score("table", IOT_NPU, [arrays], tmp_path, count=24, proof_s=30)
    row = row_of(found, "cases")
    assert row.mutants == 24 == row.kills + len(row.equivalent) + len(row.survived)
    assert row.vectors == 300 and row.kills > 16
    assert report(row).startswith("table: 24 mutants, 300 vectors: ")


def test_the_multiplexer_is_the_design_under_number_0(folder: Path, prover: Prover) -> None:
    """Without a chosen mutant the netlist equals the design word for word, however it is played; what is killed is
    never proved equivalent."""
    design = RTL_UNITS["softmax"].design(IOT_NPU)
    chosen = mutants(design, folder, 4, seed=1)
    model = MutantModel(design, multiplexed(design, chosen, folder))
    arrays = unit_arrays(unit_form(IOT_NPU, "softmax"), CASES["softmax"]())
    truth = RTL_UNITS["softmax"].run(model_of(design), arrays, None, 0).results
    for way in (0, CLEAN, PATIENT, REVERSED, BRIEF, noise(7)):
        found = RTL_UNITS["softmax"].run(model, arrays, None, way).results
        for stage, words in truth.items():
            np.testing.assert_array_equal(found[stage], words, err_msg=stage)
    match = Match("softmax", model, chosen)
    assert match.play(first_of(arrays, "logits"), 0, None) == 4
    assert match.killed and set(match.killed.values()) <= {*truth, HANDSHAKE}
    assert all(prover.compare(mutant) == "differs" for mutant in chosen if mutant.number in match.killed)


def test_faults_that_cannot_be_seen_are_proved_and_others_are_not(prover: Prover) -> None:
    """Bits that are rounded away prove, and so do those that no state of the invariant sets; a live bit does not."""
    product = f"-mode inv {faults(prover, '$mul$bt_softmax', 'Y')} -portbit"
    assert prover.compare(Mutant(101, f"{product} 3")) == "equivalent"
    assert prover.compare(Mutant(102, f"{product} 29")) == "differs"
    upper = f"-mode const0 {faults(prover, '$mul$bt_softmax', 'A')} -portbit"
    assert prover.compare(Mutant(103, f"{upper} 40")) == "equivalent"
    assert prover.compare(Mutant(104, f"{upper} 4")) == "differs"


def test_a_fault_that_is_never_met_is_one_of_the_right_polarity(prover: Prover, tmp_path: Path) -> None:
    """Bit 40 of the exponential is always 0: tying it to 0 is met in no state, tying it to 1 in all."""
    pin = faults(prover, "$mul$bt_softmax", "A")
    met = {
        (mode, bit): not prover._never(Mutant(109, f"-mode {mode} {pin} -portbit {bit}"), tmp_path)
        for mode in ("const0", "const1")
        for bit in (4, 40)
    }
    assert met == {("const0", 4): True, ("const0", 40): False, ("const1", 4): True, ("const1", 40): True}
    assert prover.compare(Mutant(110, f"-mode const1 {pin} -portbit 40")) == "differs"


def test_a_counter_may_count_in_another_order(prover: Prover) -> None:
    """Steps of the divider that are numbered otherwise prove as long as there are as many; a count without end does
    not."""
    bits = prover.netlist["netnames"]["reciprocal_of_sum.left"]["bits"]
    cells = prover.netlist["cells"].items()
    (register,) = (name for name, cell in cells if cell["connections"].get("Q") == bits)
    fault = f"-module bt_softmax -cell {register} -port Q -portbit"
    assert prover.compare(Mutant(105, f"-mode cnot1 {fault} 2 -ctrlbit 4")) == "equivalent"
    assert prover.compare(Mutant(106, f"-mode inv {fault} 0")) == "differs"


def test_a_register_may_move_half_a_clock_sooner(tmp_path: Path) -> None:
    """The other edge of the clock is no matter for a constant that is written in front of the first beat, but for the
    handshake; a register without a clock is not proved."""
    design = RTL_UNITS["table"].design(IOT_NPU)
    synthesize(design, tmp_path)
    table = Prover(design, tmp_path, timeout_s=60)
    cells = table.netlist["cells"].items()
    for number, (wire, mode, verdict) in enumerate(
        (("input_low", "inv", "equivalent"), ("valid", "inv", "differs"), ("input_low", "const0", "undecided"))
    ):
        bits = table.netlist["netnames"][wire]["bits"]
        (register,) = (name for name, cell in cells if cell["connections"].get("Q") == bits)
        fault = Mutant(number, f"-mode {mode} -module bt_table -cell {register} -port CLK -portbit 0")
        assert table.compare(fault) == verdict


@pytest.mark.parametrize("unit", [unit for unit in RTL_UNITS if f"bt_{unit}" in INVARIANTS])
def test_invariants_are_proved_before_they_are_used(unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is assumed of the state holds after a reset and after every clock; what does not hold is not usable."""
    design = RTL_UNITS[unit].design(IOT_NPU)
    synthesize(design, tmp_path)
    assert invariant_holds(design, tmp_path)
    monkeypatch.setitem(INVARIANTS, design.top, f"({INVARIANTS[design.top]}) && !out_valid")
    assert not Prover(design, tmp_path, timeout_s=60).usable


def test_constants_are_written_briefly() -> None:
    """Words that repeat at the end are left away, but for one."""
    assert brief(np.array([[3, 4, 5, 5, 5]])).tolist() == [3, 4, 5]
    assert brief(np.array([7, 7])).tolist() == [7]
    assert brief(np.array([7, 8])).tolist() == [7, 8]


def test_arrays_come_from_files_and_folders(tmp_path: Path) -> None:
    """An .npz of `bittrue unit` and a unit's folder of a package give the same arrays."""
    arrays = {"logits": np.array([[1, 2]]), "table": np.arange(4)}
    np.savez(tmp_path / "in.npz", **arrays)
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "logits.npy", arrays["logits"])
    np.save(tmp_path / "set" / "const_table.npy", arrays["table"])
    for path in (tmp_path / "in.npz", tmp_path / "set"):
        found = read_arrays(path)
        assert set(found) == set(arrays) and all((found[name] == arrays[name]).all() for name in arrays)


def test_the_table_is_what_was_measured(tmp_path: Path) -> None:
    """A row goes to a file and back; the table has the share of those not proved equivalent and names each survivor."""
    same, other = Mutant(3, "-mode inv -cell a -port Y -portbit 1"), Mutant(4, "-mode inv -cell b -port Y -portbit 0")
    row = row_of(Score("add", 1200, {1: "output", 2: HANDSHAKE, 5: "output"}, [same], {other: "undecided"}), "directed")
    write_row(tmp_path, row)
    assert read_rows(tmp_path, ["mac", "add"]) == [row]
    text = section([row])
    assert "| `bt_add` | directed | 1,200 | 5 | 3 | 1 | 1 | 1 | 75.00 |" in text
    assert "- `bt_add` 4 inv b Y[0] at ?: undecided" in text
    assert json.loads((tmp_path / "add.directed.json").read_text())["equivalent"] == ["inv a Y[1] at ?"]


def test_the_page_has_room_for_the_table(tmp_path: Path) -> None:
    """docs/mutation.md has the markers; a page without them is refused before anything is measured."""
    check_markers(PAGE.read_text(encoding="utf-8"), COMMAND, ("",), str(PAGE))
    assert begin(COMMAND, "") == "<!-- table: make rtl-mutation -->\n"
    (tmp_path / "page.md").write_text("none\n")
    with pytest.raises(BadInput, match="markers"):
        main(["table", "--page", str(tmp_path / "page.md")])


def test_yosys_is_here() -> None:
    """yosys is installed: .ci/run brings Debian's, and the extra `rtl` its wheel."""
    assert yosys()
