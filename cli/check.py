"""bittrue check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def check(
        package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="A folder written by `bittrue vectors`.")],
        dut: Annotated[
            Path | None, typer.Option("--dut", help="Folder of a design's outputs: STEP/STAGE.npy, .mem or .bin.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Verify a package, and compare a design's outputs with it; exit 1 if a bit differs."""
        from bittrue import workflow

        result = workflow.check(package, dut=dut)
        manifest, design = result.manifest, result.design
        if json:
            print_json(
                {
                    "intact": True,
                    "files": len(manifest.files),
                    "payload_digest": manifest.payload_digest,
                    "agreed": result.agreed,
                    "design": None if design is None else dataclasses.asdict(design),
                }
            )
        else:
            rows = [
                ("package", f"intact: {len(manifest.files)} files, {len(manifest.steps)} steps"),
                ("payload digest", manifest.payload_digest),
            ]
            if design is not None:
                dumped, missing = len({(file.step, file.stage) for file in design.files}), len(design.not_compared)
                rows += [
                    ("design files", str(len(design.files))),
                    ("words compared", f"{design.words:,}"),
                    ("mismatches", f"{sum(file.mismatches for file in design.files):,}"),
                    ("not dumped", f"{missing} of {missing + dumped} stages and outputs"),
                ]
                if design.first_difference is not None:
                    different = design.first_difference
                    said = [str(different.first)] if different.first else []
                    said += [different.complaint] if different.complaint else []
                    rows.append(("first mismatch", f"{different.path}: {'; '.join(said)}"))
                    differing = [file.path for file in design.files if not file.agreed]
                    rows.append(("files that differ", f"{len(differing)}: {', '.join(differing[:8])}"))
                rows.append(("verdict", "equal in every word" if design.agreed else "DIFFERENT"))
            print_rows("vectors", rows)
        if not result.agreed:
            raise typer.Exit(1)
