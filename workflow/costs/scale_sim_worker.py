"""Runs SCALE-Sim in an environment of its own; `scale_sim.py` starts it. Imports nothing of bittrue.

Standard input: a JSON list of runs, each {"rows", "cols", "dataflow", "m", "n", "k"}. Standard output: the list of
compute cycles. Memory is ideal: SCALE-Sim's buffers are as large as it allows and no bandwidth is set.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import tempfile
from pathlib import Path

from scalesim.scale_sim import scalesim

LAYOUT_COLUMNS = 26
"""Of a layout file, which SCALE-Sim reads and does not use unless told to."""
CONFIG = """[general]
run_name = bittrue

[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {cols}
IfmapSramSzkB: 4096
FilterSramSzkB: 4096
OfmapSramSzkB: 4096
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {dataflow}
ReadRequestBuffer: 32
WriteRequestBuffer: 32

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2

[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def compute_cycles(run: dict[str, int | str], folder: Path) -> int:
    """Cycles of one GEMM."""
    config, topology, layout = folder / "array.cfg", folder / "layers.csv", folder / "layout.csv"
    config.write_text(CONFIG.format(**run), encoding="utf-8")
    topology.write_text("Layer, M, N, K,\ngemm, {m}, {n}, {k},\n".format(**run), encoding="utf-8")
    layout.write_text("header\ngemm, " + "1, " * LAYOUT_COLUMNS + "\n", encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        tool = scalesim(
            save_disk_space=True,
            verbose=False,
            config=str(config),
            topology=str(topology),
            layout=str(layout),
            input_type_gemm=True,
        )
        tool.run_scale(top_path=str(folder))
    with (folder / "bittrue" / "COMPUTE_REPORT.csv").open(encoding="utf-8") as report:
        rows = list(csv.reader(report))
    column = next(index for index, name in enumerate(rows[0]) if name.strip() == "Total Cycles")
    return int(float(rows[1][column]))


def main() -> None:
    """Answer one list of runs."""
    answers = []
    for run in json.load(sys.stdin):
        with tempfile.TemporaryDirectory() as folder:
            answers.append(compute_cycles(run, Path(folder)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
