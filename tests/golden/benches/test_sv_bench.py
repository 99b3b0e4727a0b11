"""The SystemVerilog bench on Icarus: what it lets pass, what it finds, and how it says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bench_examples import MODULES, elements, mac, needs_icarus, play, rows, write

from bittrue.golden.benches.sets import Word
from bittrue.golden.vectors.memory import from_mem

pytestmark = needs_icarus
PAUSES = ("+gaps=30", "+stalls=40")


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [elements(), elements(seed=3, name="uniform"), rows(), rows(3, 7, seed=2), rows(3, 1), mac(), mac(4, 8, 2)]
    return write(tmp_path_factory.mktemp("sv") / "package", made)


@pytest.mark.parametrize("pauses", [(), PAUSES, ("+gaps=90", "+seed=2"), ("+stalls=90", "+seed=3")])
def test_a_right_design_passes_whatever_the_pauses(benches: Path, pauses: tuple[str, ...]) -> None:
    """Gaps and stalls move beats in time; order and words stay, in every form and with fewer columns than the array."""
    found = play(benches, *pauses)
    assert found.code == 0 and not found.mismatches
    assert found.text.count("PASS ") == 3
    cases = found.cases("tb_requantize") | found.cases("tb_softmax") | found.cases("tb_mac")
    assert len(cases) == 2 * 3 + 3 * 5 + 2 * 3 and set(cases.values()) == {"passed"}


def test_gaps_and_stalls_cost_time_and_follow_from_the_seed(benches: Path) -> None:
    """Each of them delays the sixth beat; the same seed delays it alike, another one otherwise."""

    def time(*pauses: str) -> int:
        line = play(benches, "--bench", "tb_requantize", "+bug=1", "+stop_after=1", *pauses).mismatches[0]
        return int(line.partition(" time=")[2].removesuffix("ns"))

    plain = time()
    assert plain + 100 < time("+gaps=80") and plain + 100 < time("+stalls=80")
    assert time("+gaps=80", "+seed=2") == time("+gaps=80", "+seed=2") != time("+gaps=80", "+seed=3")


@pytest.mark.parametrize(
    "unit, first",
    [
        ("requantize", "layer=requantize.corners stage=rounded idx=5 row=5 col=0 exp=0x0002(2) act=0x0001(1)"
         " acc=0x006(6) shift=2 zp=-42 beat=5 "),
        ("softmax", "layer=softmax.rows_of_5 stage=maximum idx=1 row=1 col=0 exp=0x8(-8) act=0x7(7)"
         " logits=0x8(-8) beat=5 "),
        ("mac", "layer=mac.k_9 stage=register idx=1 row=0 col=1 exp="),
    ],
)  # fmt: skip
def test_a_wrong_design_fails_with_the_first_stage_and_the_word_named(benches: Path, unit: str, first: str) -> None:
    """The first line is about the first stage that differs, with index, both words and the operands."""
    found = play(benches, "--bench", f"tb_{unit}", *PAUSES, "+bug=1")
    assert found.code == 1
    assert found.mismatches[0].startswith(f"MISMATCH {first}")
    assert "FAIL " in found.text and "PASS " not in found.text
    assert "failure" in found.cases(f"tb_{unit}").values()


def test_x_digits_are_mismatches_and_are_dumped_as_x(benches: Path) -> None:
    """A word with an unknown bit differs from every word, in the report and in the dump."""
    found = play(benches, "--bench", "tb_requantize", "+bug=3", work="x")
    assert found.code == 1 and len(found.mismatches) == 2
    assert " stage=output idx=6 " in found.mismatches[0] and " act=0xbX(X) " in found.mismatches[0]
    cases = found.cases("tb_requantize")
    assert cases["requantize.corners.output"] == "failure" and cases["requantize.corners.rounded"] == "passed"
    dumped = (found.work / "dut" / "000_requantize.corners" / "output.mem").read_text()
    assert from_mem(dumped, 8, words=40, where="dump").known.tolist() == [k != 6 for k in range(40)]


def test_stop_after_ends_the_run_and_leaves_the_rest_skipped(benches: Path) -> None:
    """+stop_after=2 prints two mismatches; what was not compared to its end has not passed. 0 never stops."""
    found = play(benches, "--bench", "tb_softmax", "+bug=1", "+stop_after=2")
    assert found.code == 1 and len(found.mismatches) == 2 and "stopped" in found.text
    cases = found.cases("tb_softmax")
    assert [cases[f"softmax.rows_of_5.{stage}"] for stage in ("maximum", "distance", "output")] == [
        "failure", "failure", "skipped",
    ]  # fmt: skip
    assert {cases[name] for name in cases if "rows_of_7" in name} == {"skipped"}
    whole = play(benches, "--bench", "tb_softmax", "+bug=1", "+stop_after=0")
    assert len(whole.mismatches) > 20
    assert "\nFIRST layer=softmax.rows_of_5 stage=maximum idx=1 differ=" in whole.text


def test_a_design_that_stands_still_is_caught(benches: Path) -> None:
    """No beat for +watchdog clocks ends the set; what came before was compared."""
    found = play(benches, "--bench", "tb_requantize", "+bug=2", "+watchdog=500")
    assert found.code == 1 and "STUCK layer=requantize.corners sent=5/40 taken=5/40" in found.text
    cases = found.cases("tb_requantize")
    assert cases["requantize.corners.handshake"] == "error" and cases["requantize.corners.output"] == "skipped"


def test_a_design_that_answers_too_often_is_caught(benches: Path) -> None:
    """Every word is right, and one beat more comes behind them."""
    found = play(benches, "--bench", "tb_requantize", "+bug=4", *PAUSES)
    assert found.code == 1 and not found.mismatches and "TOO_MANY layer=requantize.corners" in found.text


def test_a_handshake_that_is_x_is_caught(benches: Path) -> None:
    """An unknown ready would otherwise look like one that is 0."""
    found = play(benches, "--bench", "tb_requantize", "+bug=6")
    assert found.code == 1 and "UNKNOWN_HANDSHAKE layer=requantize.corners" in found.text
    assert found.cases("tb_requantize")["requantize.corners.handshake"] == "error"


def test_a_port_that_does_not_hold_a_word_judges_nothing(tmp_path: Path) -> None:
    """A word is never cut to fit: a set with wider accumulators than the port's is refused, exit code 2."""
    narrow = replace(MODULES["requantize"], words={"in_accumulator": Word(11, True), "out_rounded": Word(13, True)})
    found = play(write(tmp_path / "package", [elements()], {"requantize": narrow}))
    assert found.code == 2 and "in_accumulator: has 11 bits, signed, and does not hold this word" in found.text


def test_a_row_must_end_where_it_ends(benches: Path) -> None:
    """out_last is compared at every beat of a unit of rows."""
    found = play(benches, "--bench", "tb_softmax", "+bug=5", "+stop_after=1")
    assert found.code == 1 and " stage=out_last idx=0 row=0 col=0 exp=0x0(0) act=0x1(1) " in found.mismatches[0]


def test_one_set_can_be_played_alone(benches: Path) -> None:
    """+set plays that set; a name that there is not judges nothing."""
    found = play(benches, "--bench", "tb_mac", "+set=mac.k_8")
    assert found.code == 0 and all(name.startswith("mac.k_8.") for name in found.cases("tb_mac"))
    assert play(benches, "--bench", "tb_mac", "+set=mac.k_7").code == 2


def test_what_the_design_made_is_dumped_at_the_packages_width(benches: Path) -> None:
    """DUT/SET/STAGE.mem holds the words of the package where the design is right, whatever the port's width."""
    found = play(benches, work="dump")
    assert found.code == 0
    units = sorted((benches.parent / "units").iterdir())
    for folder in units:
        dumps = sorted((found.work / "dut" / folder.name).iterdir())
        assert {path.name for path in dumps} >= {"output.mem"}
        for path in dumps:
            golden = [line for line in (folder / path.name).read_text().splitlines() if not line.startswith("//")]
            assert [line.zfill(len(golden[0])) for line in path.read_text().splitlines()] == golden


def test_a_package_that_is_not_there_judges_nothing(benches: Path, tmp_path: Path) -> None:
    """Exit code 2, with the file named."""
    found = play(benches, "--package", str(tmp_path), "--bench", "tb_mac")
    assert found.code == 2 and "activations.mem: cannot be read" in found.text
