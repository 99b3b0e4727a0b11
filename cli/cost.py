"""bittrue cost."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from bittrue.cli.options import Json, MachineName, ProgramFile
from bittrue.cli.output import print_json, print_rows, print_table


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def cost(
        program: ProgramFile,
        machine: MachineName = "iot_npu",
        top: Annotated[int | None, typer.Option("--top", min=1, help="Show the N most expensive steps only.")] = None,
        json: Json = False,
    ) -> None:
        """Cycles and energy of every step on a machine, and what each step waits for."""
        from bittrue import workflow

        report = workflow.cost(program, machine=machine)
        if json:
            print_json(
                {
                    "model": report.model,
                    "machine": report.machine.name,
                    "cycles": report.cycles,
                    "latency_ms": report.latency_ms,
                    "energy_uj": report.energy_uj,
                    "macs": report.macs,
                    "utilisation": report.utilisation,
                    "stall_cycles": report.stall_cycles,
                    "peak_buffer_bytes": report.peak_buffer_bytes,
                    "area_mm2": report.area.total_mm2,
                    "energy_pj": dataclasses.asdict(report.energy_pj),
                    "steps": [dataclasses.asdict(step) for step in report.steps],
                }
            )
            return
        steps = [step for step in report.steps if step.cycles]
        if top is not None:
            steps = sorted(steps, key=lambda step: step.cycles, reverse=True)[:top]
        print_table(
            f"{report.model} on {report.machine.name}",
            ("step", "op", "MACs", "cycles", "bound", "utilisation", "energy nJ"),
            [
                (
                    step.step,
                    step.op,
                    f"{step.macs:,}",
                    f"{step.cycles:,}",
                    step.bound,
                    f"{100 * step.utilisation:.1f} %",
                    f"{step.energy_pj.total / 1000:,.1f}",
                )
                for step in steps
            ],
        )
        print_rows(
            "one image",
            [
                ("MACs", f"{report.macs:,}"),
                ("cycles", f"{report.cycles:,}"),
                ("latency", f"{report.latency_ms:.2f} ms at {report.machine.clock_mhz} MHz"),
                ("array utilisation", f"{100 * report.utilisation:.1f} %"),
                ("energy", f"{report.energy_uj:,.1f} uJ"),
                ("both units wait", f"{report.stall_cycles:,} cycles"),
                ("most held on chip", f"{report.peak_buffer_bytes / 1024:,.0f} KiB"),
                ("area proxy", f"{report.area.total_mm2:.2f} mm2 in 45 nm"),
            ],
        )
