"""From package to found bug by the commands of docs/first_mismatch.md, on a real design with a planted fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench_examples import needs_icarus
from cli_runs import Run, refuse

RTL = Path(__file__).resolve().parents[1] / "rtl"
SOURCES = [str(RTL / name) for name in ("bt_round_shift.sv", "bt_clamp.sv", "bt_requantize.sv")]


@needs_icarus
def test_a_planted_fault_is_found_and_named(run: Run, tmp_path: Path) -> None:
    """Package, benches, a run that passes, a run with ties rounded away from zero, and a diagnosis that says so."""
    package, benches = tmp_path / "vectors", tmp_path / "benches"
    run("vectors", "--unit", "requantize", "--stimuli", "directed", "--out", package)
    run("benches", package, "--designs", RTL / "designs.toml", "--out", benches)
    play = [sys.executable, str(benches / "run.py"), "--rtl", *SOURCES, "--include", str(RTL)]
    right = subprocess.run(play, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert right.returncode == 0, right.stdout + right.stderr
    assert run("check", package, "--dut", tmp_path / "work" / "dut")[0] == 0
    wrong = subprocess.run(
        [*play, "+bug=2", "+stop_after=0"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "FIRST " in wrong.stdout and "stage=rounded" in wrong.stdout
    page = tmp_path / "page.html"
    code, text, _ = run("check", package, "--dut", tmp_path / "work" / "dut", "--page", page, "--json")
    assert code == 1
    said = json.loads(text)
    assert [cause["rule"] for cause in said["causes"]] == ["requantization.rounding=half_away"]
    assert {one["stage"] for one in said["diagnoses"]} == {"rounded"}
    assert "rounds ties away from zero" in page.read_text()


def test_what_cannot_be_played_is_refused(run: Run, tmp_path: Path) -> None:
    """A folder inside the package, a design of no unit, a folder that is not empty: refused, and nothing is written."""
    package = tmp_path / "vectors"
    run("vectors", "--unit", "table", "--stimuli", "directed", "--out", package)
    designs = tmp_path / "designs.toml"
    designs.write_text("[requantise]\nmodule = 'x'\n")
    for arguments in (("--out", package / "tb"), ("--out", tmp_path / "b", "--designs", designs), ("--out", package)):
        refuse(run, "benches", package, *arguments, said="error")
    assert not (tmp_path / "b").exists()
    assert run("check", package)[0] == 0
