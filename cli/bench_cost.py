"""bittrue bench cost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_table, progress_bars

ENVIRONMENT = "Virtual environment with the peer; `make FOLDER/installed` makes it."


def register(bench: typer.Typer) -> None:
    """Add the benchmark."""

    @bench.command()
    def cost(
        parts: Annotated[
            str, typer.Option("--parts", help="Of scale-sim, scale-sim-tool, vela, zigzag, rtl.")
        ] = "scale-sim,scale-sim-tool,vela,zigzag",
        machines: Annotated[
            str, typer.Option("--machines", help="Machines that Vela is asked about.")
        ] = "ethos_u55_128,ethos_u55_256,ethos_u65_256",
        scale_sim: Annotated[Path, typer.Option("--scale-sim", help=ENVIRONMENT)] = Path(".venv-scalesim"),
        vela: Annotated[Path, typer.Option("--vela", help=ENVIRONMENT)] = Path(".venv-vela"),
        zigzag: Annotated[Path, typer.Option("--zigzag", help=ENVIRONMENT)] = Path(".venv-zigzag"),
        rtl_cycles: Annotated[
            Path | None,
            typer.Option("--rtl-cycles", help="steps.csv of `make rtl-image`, or any CSV with columns step, cycles."),
        ] = None,
        program: Annotated[Path | None, typer.Option("--program", help="The program that the RTL ran.")] = None,
        machine: Annotated[
            str | None, typer.Option("--machine", help="Machine that describes the RTL; default tests/rtl/bt_mac.sv.")
        ] = None,
        limit: Annotated[int | None, typer.Option("--limit", min=1, help="Layers of each peer.")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Folder for cost_comparison.csv and .json.")] = None,
        page: Annotated[Path | None, typer.Option("--page", help="Markdown file whose tables are replaced.")] = None,
        json: Json = False,
    ) -> None:
        """Hold the cost model against SCALE-Sim, Vela, ZigZag and RTL: ratios of cycles and energy."""
        from bittrue import workflow
        from bittrue.reports.cost_tables import SUMMARY, TABLES, summary
        from bittrue.workflow.bench_cost import CostRequest

        request = CostRequest(
            parts=_names(parts),
            vela_machines=_names(machines),
            scale_sim=scale_sim,
            vela=vela,
            zigzag=zigzag,
            rtl_cycles=rtl_cycles,
            program=program,
            rtl_machine=machine,
            limit=limit,
        )
        with progress_bars(quiet=json) as progress:
            found = workflow.bench_cost(request, out=out, page=page, progress=progress)
        if json:
            print_json(
                {
                    "points": [{**dataclasses.asdict(point), "ratio": point.ratio} for point in found.points],
                    "left_out": [dataclasses.asdict(item) for item in found.left_out],
                }
            )
            return
        for peer in TABLES:
            if found.of(peer):
                print_table(f"against {peer}", SUMMARY, summary(found.of(peer)))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
