"""bittrue bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json, Limit, ProgramFile, Seed
from bittrue.cli.output import print_json, print_rows, print_table, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def bounds(
        program: ProgramFile,
        images: Annotated[Path | None, typer.Option("--images", help="Also see what these images reach.")] = None,
        accumulator_bits: Annotated[
            int | None, typer.Option("--accumulator-bits", min=2, max=63, help="Name the steps this width endangers.")
        ] = None,
        limit: Limit = None,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Accumulator bits that every step needs: for any data, proved for its weights, and seen on images."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            found = workflow.bounds(program, images=images, limit=limit, seed=seed, progress=progress)
        endangered = None if accumulator_bits is None else [step.step for step in found.endangered(accumulator_bits)]
        if json:
            steps = [
                {
                    "step": step.step,
                    "op": step.op,
                    "any_data_bits": step.any_data.bits,
                    "proved_bits": step.proved.bits,
                    "proved_range": [step.proved.low, step.proved.high],
                    "seen_bits": step.seen and step.seen.bits,
                    "seen_range": step.seen and [step.seen.low, step.seen.high],
                }
                for step in found.steps
            ]
            print_json({"steps": steps, "images": found.images, "endangered": endangered})
            return
        print_table(
            "accumulator bits",
            ("step", "op", "any data", "proved", "seen", "proved range"),
            [
                (
                    step.step,
                    step.op,
                    str(step.any_data.bits),
                    str(step.proved.bits),
                    "-" if step.seen is None else str(step.seen.bits),
                    f"{step.proved.low:,} .. {step.proved.high:,}",
                )
                for step in found.steps
            ],
        )
        if not found.steps:
            return
        widest = max(found.steps, key=lambda step: step.proved.bits)
        rows = [
            ("any data, any weights", f"{max(step.any_data.bits for step in found.steps)} bits"),
            ("proved for this program", f"{widest.proved.bits} bits ({widest.step})"),
        ]
        if endangered is not None:
            named = ", ".join(endangered[:8]) + (" ..." if len(endangered) > 8 else "")
            rows.append(
                (f"endangered at {accumulator_bits} bits", f"{len(endangered)} steps: {named}" if named else "none")
            )
        print_rows("needed", rows)
