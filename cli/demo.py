"""bittrue demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.cli.options import Json, Seed
from bittrue.cli.output import decibel, percent, print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def demo(
        weights: Annotated[Path, typer.Option("--weights", help="A trained mobilevit_xxs.")] = Path(
            "examples/mobilevit_xxs_imagenette.safetensors"
        ),
        out: Annotated[
            Path, typer.Option("--out", help="Folder for the results; an earlier demo in it is replaced.")
        ] = Path("out/demo"),
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """The whole walk, offline: calibrate, lower, simulate, compare, vectors, check, cost, report."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            done = workflow.demo(weights=weights, out=out, seed=seed, progress=progress)
        verdict, top1, cost = done.comparison.verdict, done.comparison.top1, done.cost
        agreement = None if top1 is None else top1.agreement
        words = 0 if done.check.design is None else done.check.design.words
        if json:
            print_json(
                {
                    "images_simulated": done.comparison.images,
                    "top1_agreement_with_float": agreement,
                    "logits_sqnr_db": done.comparison.logits_sqnr_db,
                    "tensors_compared": verdict.tensors_compared,
                    "mismatches": verdict.mismatches,
                    "vector_words_checked": words,
                    "cycles": cost.cycles,
                    "latency_ms": cost.latency_ms,
                    "energy_uj": cost.energy_uj,
                    "vectors": str(done.package),
                    "page": str(done.page),
                }
            )
        else:
            print_rows(
                f"bittrue demo: {done.program.model}, W8A8, datapath {done.program.datapath.name}",
                [
                    ("images simulated", f"{done.comparison.images}, none of them calibrated on"),
                    ("top-1 agreement with float", percent(agreement)),
                    ("SQNR of the logits", decibel(done.comparison.logits_sqnr_db)),
                    ("tensors compared", f"{verdict.tensors_compared:,} ({verdict.elements_compared:,} integers)"),
                    ("mismatches", f"{verdict.mismatches:,}"),
                    ("vector words checked", f"{words:,}"),
                    ("cycles", f"{cost.cycles:,} ({cost.latency_ms:.2f} ms at {cost.machine.clock_mhz} MHz)"),
                    ("energy", f"{cost.energy_uj:,.1f} uJ an image"),
                    ("vectors", str(done.package)),
                    ("page", str(done.page)),
                ],
            )
        if not (verdict.agreed and done.check.agreed):
            raise typer.Exit(1)
