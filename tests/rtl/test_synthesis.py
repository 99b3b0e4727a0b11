"""Every design of tests/rtl is hardware: yosys and Icarus take it without a word, and no latch is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rtl.design import FOLDER
from rtl.toolchain import ToolFailed
from rtl.yosys import LATCHES, read_sources, run, small

MODULES = sorted(path.stem for path in FOLDER.glob("*.sv"))
WARNING = re.compile(r"^(?:Warning:|Latch inferred|.*: Warning:).*$", re.MULTILINE)


def complaints(sources: str, top: str, folder: Path) -> list[str]:
    """Warnings of a synthesis down to word-level cells and memories; loops, undriven wires and latches raise."""
    commands = f"{sources}; {small(top)} synth -run begin:fine -top {top}; check -assert; select -assert-none {LATCHES}"
    return WARNING.findall(run(commands, folder=folder))


@pytest.mark.parametrize("top", MODULES)
def test_synthesizes_without_latches_or_warnings(top: str) -> None:
    """yosys makes registers, memories and logic of a design, and nothing else."""
    assert complaints(read_sources(), top, FOLDER) == []


@pytest.mark.parametrize(
    "body",
    [
        "input e, d, output reg q); always @* if (e) q = d;",
        "input a, b, output q); assign q = a; assign q = b;",
        "input a, output q); assign q = a & b;",
    ],
    ids=["latch", "two drivers", "no driver"],
)
def test_what_is_no_hardware_is_refused(body: str, tmp_path: Path) -> None:
    """The check above fails on a value that is held without a clock, and on wires of two drivers or none."""
    (tmp_path / "bad.sv").write_text(f"module bad ({body} endmodule")
    with pytest.raises(ToolFailed):
        complaints("read_verilog -sv bad.sv", "bad", tmp_path)


def test_a_warning_is_found(tmp_path: Path) -> None:
    """The check above fails on a port of another width."""
    inner = "module inner (input [3:0] a, output [3:0] q); assign q = ~a; endmodule"
    outer = "module outer (input [1:0] a, output [3:0] q); inner i (.a(a), .q(q)); endmodule"
    (tmp_path / "wide.sv").write_text(f"{inner} {outer}")
    assert "Resizing cell port" in complaints("read_verilog -sv wide.sv", "outer", tmp_path)[0]


@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog is not installed (apt-get install iverilog)")
@pytest.mark.parametrize("top", MODULES)
def test_icarus_takes_it(top: str, tmp_path: Path) -> None:
    """Icarus Verilog elaborates a design without a message."""
    command = ["iverilog", "-g2012", "-Wall", f"-I{FOLDER}", "-s", top, "-o", str(tmp_path / "design.vvp")]
    sources = [str(path) for path in sorted(FOLDER.glob("*.sv"))]
    done = subprocess.run([*command, *sources], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
