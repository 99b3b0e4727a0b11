"""bittrue vectors."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import ImageSource, Json, ProgramFile, Seed
from bittrue.cli.output import print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def vectors(
        program: ProgramFile,
        images: ImageSource,
        step: Annotated[
            list[str], typer.Option("--step", help='Step name or pattern ("stages.2.1.*"); may be repeated.')
        ],
        out: Annotated[Path, typer.Option("--out", help="The package folder to make.")],
        limit: Annotated[int, typer.Option("--limit", min=1, help="How many images, drawn with --seed.")] = 1,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Write golden vectors of chosen steps, every stage included, for RTL to be played against."""
        from bittrue import workflow

        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        with progress_bars(quiet=json) as progress:
            manifest = workflow.vectors(
                program, images=images, steps=step, out=out, limit=limit, seed=seed, command=command, progress=progress
            )
        facts = {
            "package": str(out),
            "steps": len(manifest.steps),
            "files": len(manifest.files),
            "images": len(manifest.images),
            "bytes": sum(entry.bytes for entry in manifest.files.values()),
            "payload_digest": manifest.payload_digest,
        }
        if json:
            print_json(facts)
        else:
            print_rows("vector package", [(key.replace("_", " "), str(value)) for key, value in facts.items()])
