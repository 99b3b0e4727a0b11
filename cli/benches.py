"""bittrue benches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def benches(
        package: Annotated[
            Path, typer.Argument(metavar="PACKAGE", help="A folder written by `bittrue vectors --unit`.")
        ],
        out: Annotated[Path, typer.Option("--out", help="The folder of benches to make, beside the package.")],
        designs: Annotated[
            Path | None, typer.Option("--designs", help="A TOML file: module, parameters and ports by unit or set.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Write self-checking SystemVerilog benches and a cocotb scoreboard for a package's unit sets."""
        from bittrue import workflow

        written = workflow.benches(package, out=out, designs=designs)
        if json:
            print_json({"files": [str(path) for path in written]})
        else:
            print_rows(
                "benches", [("folder", str(out)), ("files", str(len(written))), ("play", f"python {out}/run.py --help")]
            )
