"""bittrue simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.options import ImageSource, Json, Limit, ProgramFile, Seed
from bittrue.cli.output import percent, print_json, print_rows, print_table, progress_bars

if TYPE_CHECKING:
    from bittrue.reports.profile_data import Profile
    from bittrue.workflow.simulate import Simulation

LONGEST = 15
"""Steps that are printed one by one."""


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def simulate(
        program: ProgramFile,
        images: ImageSource,
        out: Annotated[Path | None, typer.Option("--out", help="Write the logits (safetensors).")] = None,
        trace: Annotated[bool, typer.Option("--trace", help="Write every tensor of every image as well.")] = False,
        profile: Annotated[
            bool, typer.Option("--profile", help="Time every step on the first image, against the machine's limit.")
        ] = False,
        profile_out: Annotated[
            Path | None, typer.Option("--profile-out", help="Write the times of all steps (JSON); needs --profile.")
        ] = None,
        plot: Annotated[
            Path | None, typer.Option("--plot", help="Write the roofline of all steps (PNG); needs --profile.")
        ] = None,
        limit: Limit = None,
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Run a program on images, bit for bit as its datapath would."""
        from bittrue import workflow
        from bittrue.spec.errors import BadInput
        from bittrue.spec.files import check_target

        if trace and out is None:
            raise BadInput("a trace needs a file to go to", where="--trace", next_step="add --out FILE")
        for option, path in (("--profile-out", profile_out), ("--plot", plot)):
            if path is not None and not profile:
                raise BadInput("there is no profile to write", where=option, next_step="add --profile")
        written = [path for path in (out, profile_out, plot) if path is not None]
        if len({path.resolve() for path in written}) < len(written):
            raise BadInput("two outputs have one path", got=", ".join(map(str, written)), next_step="name another")
        for path in written:
            check_target(path, program, images)
        timed = None
        with progress_bars(quiet=json) as progress:
            if profile:
                timed = workflow.profile(
                    program,
                    images=images,
                    out=profile_out,
                    plot=plot,
                    limit=limit,
                    seed=seed,
                    progress=progress,
                )
            result = workflow.simulate(
                program, images=images, out=out, limit=limit, trace=trace, seed=seed, progress=progress
            )
        if json:
            print_json(_document(result, out, timed))
            return
        shown = [(name, f"class {index}") for name, index in list(zip(result.names, result.classes, strict=True))[:10]]
        more = [("...", f"{len(result.names) - len(shown)} more")] if len(result.names) > len(shown) else []
        files = ", ".join(map(str, written)) or "-"
        print_rows(
            f"{len(result.names)} images",
            [*shown, *more, ("top-1 accuracy", percent(result.accuracy)), ("written", files)],
        )
        if timed is not None:
            _print(timed)


def _document(result: Simulation, out: Path | None, timed: Profile | None) -> dict[str, object]:
    document = {
        "images": list(result.names),
        "classes": result.classes.tolist(),
        "logits": result.logits.tolist(),
        "accuracy": result.accuracy,
        "out": None if out is None else str(out),
    }
    return document if timed is None else {**document, "profile": timed.document()}


def _print(timed: Profile) -> None:
    """Totals by op and the longest steps; --json and --profile-out have all."""
    from bittrue.reports.profile_tables import OP_COLUMNS, STEP_COLUMNS, fact_rows, op_rows, step_rows

    print_rows(f"time of {timed.model} on {timed.datapath}, one image", fact_rows(timed))
    print_table("by op", OP_COLUMNS, op_rows(timed))
    longest = min(LONGEST, len(timed.steps))
    print_table(f"the longest {longest} of {len(timed.steps)} steps", STEP_COLUMNS, step_rows(timed, longest))
