"""lower: a quantization plan and a datapath -> an integer program."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan, load_plan
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.files import check_target
from bittrue.spec.program import Program
from bittrue.spec.program_file import save_program
from bittrue.workflow.progress import Progress, silent


def lower(
    plan: QuantPlan | Path,
    *,
    datapath: str | Path = "iot_npu",
    supply: str | Path | None = None,
    out: Path | None = None,
    progress: Progress = silent,
) -> Program:
    """Lower a plan for a datapath, prove every bound, and write the program to `out`, if given.

    datapath: a name of hw_configs/datapaths or the path of a TOML file. supply: another one, whose units stand
    in for those that the datapath lacks. NumPy only: the same plan gives
    the same bytes on any machine. Raises IllFormed, naming the step, where the datapath cannot hold it.
    """
    if out is not None:
        check_target(out, *([plan] if isinstance(plan, Path) else []))
    loaded = load_plan(plan) if isinstance(plan, Path) else plan
    nodes = len(loaded.graph.nodes)
    path = load_datapath(datapath)
    if supply is not None:
        path = path.supplied_by(load_datapath(supply))
    program = lower_plan(loaded, path, provenance_of(loaded), progress=lambda done: progress("lower", done, nodes))
    if out is not None:
        save_program(program, out)
    return program


def provenance_of(plan: QuantPlan) -> dict[str, str]:
    """What a program says of the plan that it was lowered from."""
    return {
        "plan_sha256": plan.digest(),
        "preprocessing": json.dumps(dataclasses.asdict(plan.preprocessing), sort_keys=True),
    }
