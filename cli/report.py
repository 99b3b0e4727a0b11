"""bittrue report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json, MachineName, ProgramFile
from bittrue.cli.output import print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def report(
        program: ProgramFile,
        comparison: Annotated[Path, typer.Option("--comparison", help="A file written by `bittrue compare --out`.")],
        out: Annotated[Path, typer.Option("--out", help="The page to write (.html).")],
        vectors: Annotated[Path | None, typer.Option("--vectors", help="A vector package to link to.")] = None,
        machine: MachineName = "iot_npu",
        json: Json = False,
    ) -> None:
        """One self-contained HTML page: provenance, accuracy, SQNR by layer, cost, links."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            page = workflow.report(
                program, comparison=comparison, machine=machine, vectors=vectors, out=out, progress=progress
            )
        if json:
            print_json({"page": str(page)})
        else:
            print_rows("report", [("page", str(page))])
