"""bittrue compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import ImageSource, Json, Limit, ProgramFile, Seed
from bittrue.cli.output import decibel, percent, print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def compare(
        program: ProgramFile,
        images: ImageSource,
        plan: Annotated[
            Path | None, typer.Option("--plan", help="The program's plan: compare with the float model as well.")
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--out", help="Write the comparison (JSON, read by `report`).")
        ] = None,
        stages: Annotated[bool, typer.Option("--stages", help="Compare the values inside every op too.")] = False,
        limit: Limit = None,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Compare the simulator with the PyTorch integer reference, every integer; exit 1 if one differs."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            result = workflow.compare(
                program, images=images, plan=plan, out=out, limit=limit, stages=stages, seed=seed, progress=progress
            )
        verdict, top1 = result.verdict, result.top1
        first = None if verdict.first is None else verdict.first.describe()
        if json:
            print_json(
                {
                    "agreed": verdict.agreed,
                    "images": result.images,
                    "tensors_compared": verdict.tensors_compared,
                    "elements_compared": verdict.elements_compared,
                    "mismatches": verdict.mismatches,
                    "first_mismatch": first,
                    "logits_sqnr_db": result.logits_sqnr_db,
                    "top1_agreement": top1 and top1.agreement,
                    "integer_accuracy": top1 and top1.integer_accuracy,
                    "float_accuracy": top1 and top1.float_accuracy,
                    "worst_drop": result.worst_drop and result.worst_drop.tensor,
                }
            )
        else:
            rows = [
                ("verdict", "equal in every integer" if verdict.agreed else "DIFFERENT"),
                ("images", str(result.images)),
                ("tensors compared", f"{verdict.tensors_compared:,}"),
                ("integers compared", f"{verdict.elements_compared:,}"),
                ("mismatches", f"{verdict.mismatches:,}"),
            ]
            if first:
                rows.append(("first mismatch", first))
            if top1 is not None:
                rows += [
                    ("SQNR of the logits", decibel(result.logits_sqnr_db)),
                    ("top-1 agreement with float", percent(top1.agreement)),
                    ("top-1 accuracy, integer", percent(top1.integer_accuracy)),
                    ("top-1 accuracy, float", percent(top1.float_accuracy)),
                ]
            if result.worst_drop is not None:
                drop = result.worst_drop
                rows.append(
                    ("largest SQNR drop", f"{drop.tensor}: {drop.input_sqnr_db:.2f} -> {decibel(drop.output_sqnr_db)}")
                )
            print_rows("simulator against reference", rows)
        if not verdict.agreed:
            raise typer.Exit(1)
