"""bittrue simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import ImageSource, Json, Limit, ProgramFile, Seed
from bittrue.cli.output import percent, print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def simulate(
        program: ProgramFile,
        images: ImageSource,
        out: Annotated[Path | None, typer.Option("--out", help="Write the logits (safetensors).")] = None,
        trace: Annotated[bool, typer.Option("--trace", help="Write every tensor of every image as well.")] = False,
        limit: Limit = None,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Run a program on images, bit for bit as its datapath would."""
        from bittrue import workflow
        from bittrue.spec.errors import BadInput

        if trace and out is None:
            raise BadInput("a trace needs a file to go to", where="--trace", next_step="add --out FILE")
        with progress_bars(quiet=json) as progress:
            result = workflow.simulate(
                program, images=images, out=out, limit=limit, trace=trace, seed=seed, progress=progress
            )
        if json:
            print_json(
                {
                    "images": list(result.names),
                    "classes": result.classes.tolist(),
                    "logits": result.logits.tolist(),
                    "accuracy": result.accuracy,
                    "out": None if out is None else str(out),
                }
            )
            return
        shown = [(name, f"class {index}") for name, index in list(zip(result.names, result.classes, strict=True))[:10]]
        more = [("...", f"{len(result.names) - len(shown)} more")] if len(result.names) > len(shown) else []
        print_rows(
            f"{len(result.names)} images",
            [*shown, *more, ("top-1 accuracy", percent(result.accuracy)), ("written", str(out or "-"))],
        )
