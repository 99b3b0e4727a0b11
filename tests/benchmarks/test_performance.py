"""The command: what it refuses, stores, writes, and leaves with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import machine, performance, results
from benchmarks.contestants import Contestant
from benchmarks.disturbance import Load, busy_seconds, others_cores
from benchmarks.rounds import Rounds, Schedule
from benchmarks.table import BEGIN, END
from benchmarks.tasks import Measurement


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command with everyone equally fast; eager with a batch of 2 fails, LiteRT is absent. Returns its folder."""

    def measure(every: Sequence[Contestant], schedule: Schedule, *, prepared: dict[str, str], **_: object) -> Rounds:
        found = Rounds()
        for each in every:
            if each.name in prepared:
                found.failed[each.name] = prepared[each.name]
            elif each.kind == "eager" and each.batch == 2:
                found.failed[each.name] = "exit code 1"
            else:
                found.measured[each.name] = [Measurement((1.0 * each.batch,))] * schedule.rounds
        return found

    def make_ready(every: Sequence[Contestant]) -> dict[str, str]:
        return {each.name: "absent" for each in every if each.kind == "litert"}

    monkeypatch.setattr(performance, "measure", measure)
    monkeypatch.setattr(performance, "make_ready", make_ready)
    monkeypatch.setattr(performance, "OUT", tmp_path)
    monkeypatch.setattr(machine, "use_cores", lambda count: None)
    return tmp_path


def test_an_absent_peer_leaves_its_row_and_is_no_failure(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has every selected row; the document holds values and machine."""
    assert performance.main(["--quick", "--only", "batch1", "litert_*"]) == 0
    stored = json.loads((bench / "performance.json").read_text())
    values = {row["key"]: row["value"] for row in stored["rows"]}
    assert values["batch1"]["median"] == 1.0 and values["batch1"]["rounds"] == 2
    assert values["litert_int8"] is None
    assert stored["machine"]["cores"] >= 1 and stored["format_version"] == results.FORMAT_VERSION
    assert capsys.readouterr().out.count("not measured: absent") == 3


def test_a_contestant_that_breaks_fails_the_command(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though the row has a value from the others."""
    assert performance.main(["--quick", "--only", "batch32"]) == 1
    assert "failed: PyTorch eager mobilevit_xxs, batch 2" in capsys.readouterr().err


def test_only_a_whole_table_is_written(bench: Path) -> None:
    """Into every page named, between its markers."""
    page = bench / "page.md"
    page.write_text(f"{BEGIN}{END}")
    performance.main(["--rounds", "1", "--write", str(page)])
    assert page.read_text().count("\n| ") > 40
    for part in (["--quick"], ["--only", "tosa"]):
        with pytest.raises(SystemExit, match="2"):
            performance.main([*part, "--write", str(page)])


def test_a_page_without_markers_is_refused_before_anything_runs(bench: Path) -> None:
    """Not after half an hour."""
    page = bench / "page.md"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="lacks the lines"):
        performance.main(["--write", str(page)])
    assert not (bench / "performance.json").exists()


def test_an_unknown_row_is_refused(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the names of all."""
    with pytest.raises(SystemExit, match="2"):
        performance.main(["--only", "batch2"])
    assert "no row fits 'batch2'; there are: batch1, batch32" in capsys.readouterr().err


def test_a_document_holds_no_number_that_json_lacks(tmp_path: Path) -> None:
    """NaN would make a file that other readers refuse."""
    with pytest.raises(ValueError, match="JSON"):
        results.write(tmp_path / "x.json", {"value": float("nan")})
    assert not (tmp_path / "x.json").exists()


def test_the_machine_describes_itself() -> None:
    """Every field is filled on any system that runs the tests."""
    found: Any = machine.describe()
    assert found.cpu and found.os and found.python and found.memory_gb > 0.1
    assert found.versions["numpy"] != "absent"
    assert found.cpu in found.sentence() and found.versions["numpy"] in found.sentence()


STAT = """cpu  9 9 9 9 9 9 9 9 9 9
cpu0 100 0 20 700 80 1 2 3 50 50
cpu1 10 0 0 800 0 0 0 0 0 0
cpu2 1 0 0 0 0 0 0 0 0 0
intr 5
"""


def test_busy_time_leaves_out_idle_guests_and_other_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stolen time is busy; guest time is part of user time already."""
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    assert busy_seconds(STAT, {0, 1}) == (126 + 10) / 100


def test_others_are_what_is_busy_and_not_our_own() -> None:
    """As cores on average; rounding of the clocks never makes it negative."""
    assert others_cores(Load(0.0, 10.0, 1.0), Load(2.0, 13.0, 3.0)) == 0.5
    assert others_cores(Load(0.0, 10.0, 1.0), Load(2.0, 11.0, 3.0)) == 0.0
