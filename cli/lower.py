"""bittrue lower."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json, PlanFile
from bittrue.cli.output import print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def lower(
        plan: PlanFile,
        out: Annotated[Path, typer.Option("--out", help="The program to write (.safetensors).")],
        datapath: Annotated[
            str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu",
        supply: Annotated[
            str | None, typer.Option("--supply", help="Datapath whose units stand in for those that are missing.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Turn a plan into integers for one datapath, with every bound proved: plan -> program."""
        from json import loads as load_json

        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            program = workflow.lower(plan, datapath=datapath, supply=supply, out=out, progress=progress)
        bounds = [(call.bound.bits, call.step) for call in program.calls if call.bound is not None]
        widest_bits, widest = max(bounds)
        changed = load_json(program.provenance["scales_changed"])
        facts = {
            "program": str(out),
            "digest": program.digest,
            "datapath": program.datapath.name,
            "steps": len(program.steps),
            "accumulators_proved": sum(call.accumulator_proved for call in program.calls if call.bound is not None),
            "widest_accumulator_bits": widest_bits,
            "widest_accumulator": widest,
            "scales_changed": changed,
        }
        if json:
            print_json(facts)
            return
        named = ", ".join(changed[:3]) + (" ..." if len(changed) > 3 else "")
        facts["scales_changed"] = f"{len(changed)}: {named}" if changed else "none"
        print_rows(f"program of {program.model}", [(key.replace("_", " "), str(value)) for key, value in facts.items()])
