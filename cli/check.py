"""bittrue check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.kill_rates import kill_rates
from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows, progress_bars

if TYPE_CHECKING:
    from bittrue.golden.vectors.manifest import Manifest
    from bittrue.workflow.check import CheckResult


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def check(
        package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="A folder written by `bittrue vectors`.")],
        dut: Annotated[
            Path | None,
            typer.Option(
                "--dut",
                help="Folder of a design's outputs: STEP/STAGE or UNIT.SET/STAGE, .npy, .mem, .hex or .bin.",
            ),
        ] = None,
        replay: Annotated[
            bool, typer.Option("--replay", help="Make every file again and compare digests; steps need the next two.")
        ] = False,
        program: Annotated[Path | None, typer.Option("--program", help="Of --replay: the steps' program.")] = None,
        images: Annotated[Path | None, typer.Option("--images", help="Of --replay: the steps' images.")] = None,
        diagnose: Annotated[
            bool, typer.Option("--diagnose/--no-diagnose", help="Look for the causes of what differs.")
        ] = True,
        page: Annotated[Path | None, typer.Option("--page", help="An HTML page of the diagnosis to write.")] = None,
        json: Json = False,
    ) -> None:
        """Verify a package, and compare a design's outputs with it; exit 1 if a bit differs."""
        from bittrue import workflow

        with progress_bars(quiet=json) as progress:
            result = workflow.check(
                package,
                dut=dut,
                replay=replay,
                program=program,
                images=images,
                diagnose=diagnose,
                page=page,
                progress=progress,
            )
        manifest, design = result.manifest, result.design
        if json:
            print_json(
                {
                    "intact": True,
                    "files": len(manifest.files),
                    "payload_digest": manifest.payload_digest,
                    "agreed": result.agreed,
                    "replay": None if result.replay is None else dataclasses.asdict(result.replay),
                    "design": None if design is None else dataclasses.asdict(design),
                    "causes": [dataclasses.asdict(cause) for cause in result.causes],
                    "diagnoses": [dataclasses.asdict(found) for found in result.diagnoses],
                }
            )
        else:
            rows = [
                ("package", f"intact: {len(manifest.files)} files, {_contents(manifest)}"),
                ("payload digest", manifest.payload_digest),
                *kill_rates(manifest),
            ]
            if result.replay is not None:
                again = result.replay
                text = f"{again.files} files made again, equal in every byte"
                if again.differing:
                    text = f"DIFFERENT: {len(again.differing)} of {again.files} files: {', '.join(again.differing[:8])}"
                rows.append(("replay", text))
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
            if result.diagnoses:
                _print_diagnoses(result)
        if not result.agreed:
            raise typer.Exit(1)


def _print_diagnoses(result: CheckResult) -> None:
    """The causes, the first diagnosis whole, and where to read the others."""
    from bittrue.golden.diagnosis.text import cause_line, lines

    first, *others = result.diagnoses
    print("\n".join(lines(first)))
    if others:
        print(f"{len(others)} other steps or sets differ: --json or --page says how")
    for cause in result.causes:
        print(f"cause: {cause_line(cause)}")


def _contents(manifest: Manifest) -> str:
    steps, units = len(manifest.steps), len(manifest.units)
    return ", ".join(
        [f"{steps} steps"] * (steps > 0)
        + [f"{units} unit sets of {sum(one.vectors for one in manifest.units):,} vectors"] * (units > 0)
    )
