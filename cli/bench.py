"""bittrue bench: what the documentation quotes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli import bench_accuracy, bench_bridges, bench_cost, bench_mutation, bench_study
from bittrue.cli.options import ImageSource, Json, Limit, PlanFile, Seed
from bittrue.cli.output import percent, print_json, print_table, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb with its benchmarks."""
    bench = typer.Typer(help="Measure what the documentation quotes.", no_args_is_help=True)
    app.add_typer(bench, name="bench")
    bench_accuracy.register(bench)
    bench_bridges.register(bench)
    bench_cost.register(bench)
    bench_mutation.register(bench)
    bench_study.register(bench)

    @bench.command()
    def accumulator(
        plan: PlanFile,
        images: ImageSource,
        bits: Annotated[list[int], typer.Option("--bits", help="Widths; repeat the option.")] = [16, 20, 24, 32],  # noqa: B006
        overflow: Annotated[list[str], typer.Option("--overflow", help="wrap, saturate, saturate_at_end.")] = [  # noqa: B006
            "wrap",
            "saturate",
        ],
        datapath: Annotated[
            str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu",
        limit: Limit = None,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Accuracy against the accumulator's width and what it does past its ends."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            rows = workflow.bench_accumulator(
                plan,
                images=images,
                bits=bits,
                overflows=overflow,
                datapath=datapath,
                limit=limit,
                seed=seed,
                progress=progress,
            )
        if json:
            print_json({"rows": [dataclasses.asdict(row) for row in rows]})
            return
        print_table(
            "accuracy against accumulator",
            ("bits", "overflow", "steps endangered", "top-1", "same class as widest"),
            [
                (str(row.bits), row.overflow, str(row.endangered), percent(row.accuracy), percent(row.agreement))
                for row in rows
            ],
        )

    @bench.command()
    def datapaths(
        plan: PlanFile,
        supply: Annotated[
            str | None, typer.Option("--supply", help="Datapath whose units stand in for those that are missing.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Which packaged datapaths run a plan, and what stops the others."""
        from bittrue import workflow

        rows = workflow.bench_datapaths(plan, supply=supply)
        if json:
            print_json({"rows": [dataclasses.asdict(row) for row in rows]})
            return
        print_table(
            "datapaths",
            ("datapath", "steps", "scales changed", "stopped by"),
            [
                (row.datapath, str(row.steps) if row.runs else "-", str(row.scales_changed), row.stopped_by or "-")
                for row in rows
            ],
        )

    @bench.command()
    def units(
        out: Annotated[
            Path | None, typer.Option("--out", help="Folder for unit_errors.json and the plots (SVG).")
        ] = None,
        page: Annotated[
            Path | None, typer.Option("--page", help="Markdown file whose tables of errors are to be replaced.")
        ] = None,
        json: Json = False,
    ) -> None:
        """How far every softmax, norm, SiLU, GELU, exponential and reciprocal root is from float64."""
        from bittrue import workflow
        from bittrue.reports.unit_tables import numbers

        with progress_bars(quiet=json) as progress:
            found = workflow.bench_units(out=out, page=page, progress=progress)
        if json:
            print_json({"rows": [row.document() for row in found.rows]})
            return
        print_table(
            "errors of units against float64",
            ("unit, kind", "inputs", "max", "in steps", "mean", "at", "found", "exact"),
            [(f"{row.unit}: {row.kind}", row.case, *numbers(row)) for row in found.rows],
        )
