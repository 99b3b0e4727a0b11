"""The cocotb scoreboard on Icarus: the same verdicts as the SystemVerilog bench."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench_examples import elements, mac, needs_icarus, play, rows, write

pytestmark = needs_icarus
COCOTB = ("--with", "cocotb", "+gaps=30", "+stalls=40")


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [elements(), rows(), rows(3, 7, seed=2), mac(4, 9, 2)]
    return write(tmp_path_factory.mktemp("cocotb") / "package", made)


def test_a_right_design_passes(benches: Path) -> None:
    """Every form, with gaps and stalls; cocotb's own report names the sets."""
    found = play(benches, *COCOTB)
    assert found.code == 0 and not found.mismatches
    cases = found.cases("tb_requantize") | found.cases("tb_softmax") | found.cases("tb_mac")
    assert len(cases) == 3 + 2 * 5 + 3 and set(cases.values()) == {"passed"}
    own = ElementTree.parse(found.work / "tb_softmax.cocotb.xml").getroot()
    assert [case.get("name") for case in own.iter("testcase")] == [
        "play/name=softmax.rows_of_5", "play/name=softmax.rows_of_7",
    ]  # fmt: skip


@pytest.mark.parametrize("unit, more", [("requantize", ()), ("softmax", ("+stop_after=2",)), ("mac", ())])
def test_a_wrong_design_fails_with_the_lines_of_the_other_bench(
    benches: Path, unit: str, more: tuple[str, ...]
) -> None:
    """Both benches print the same mismatches, but for the time, make the same report and dump the same words."""
    arguments = ("--bench", f"tb_{unit}", "+bug=1", *more)
    found = play(benches, *COCOTB, *arguments, work="cocotb")
    other = play(benches, *arguments, work="sv")
    assert found.code == other.code == 1 and other.mismatches
    assert [line.partition(" time=")[0] for line in found.mismatches] == [
        line.partition(" time=")[0] for line in other.mismatches
    ]
    firsts = [[line for line in run.text.splitlines() if line.startswith("FIRST ")] for run in (found, other)]
    assert firsts[0] == firsts[1] and len(firsts[0]) == 1
    assert found.cases(f"tb_{unit}") == other.cases(f"tb_{unit}")
    if not more:
        for path in sorted((found.work / "dut").glob(f"*_{unit}.*/*.mem")):
            twin = (other.work / "dut" / path.relative_to(found.work / "dut")).read_text().split()
            assert [line.zfill(16) for line in path.read_text().split()] == [line.zfill(16) for line in twin]


def test_gaps_and_stalls_cost_time(benches: Path) -> None:
    """The sixth beat comes later with both; without them it does not wait."""
    times = [
        int(play(benches, *more, "--bench", "tb_requantize", "+bug=1").mismatches[0].partition(" time=")[2][:-2])
        for more in (COCOTB[:2], (*COCOTB[:2], "+gaps=80"), (*COCOTB[:2], "+stalls=80"))
    ]
    assert times[0] + 100 < times[1] and times[0] + 100 < times[2]


@pytest.mark.parametrize(
    "bug, text",
    [
        (2, "STUCK layer=requantize.corners sent=5/40 taken=5/40 "),
        (3, " act=0xbx(x) "),
        (4, "TOO_MANY layer="),
        (6, "UNKNOWN_HANDSHAKE layer="),
    ],
)
def test_hangs_x_digits_and_surplus_beats_are_caught(benches: Path, bug: int, text: str) -> None:
    """What is wrong besides a wrong word fails as well."""
    found = play(benches, *COCOTB, "--bench", "tb_requantize", f"+bug={bug}", "+watchdog=500")
    assert found.code == 1 and text in found.text
    assert found.cases("tb_requantize")["requantize.corners.rounded"] == ("skipped" if bug in (2, 6) else "passed")
