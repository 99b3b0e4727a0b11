"""bittrue vectors."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bittrue.cli.kill_rates import kill_rates
from bittrue.cli.options import Json, Seed, names
from bittrue.cli.output import print_json, print_rows, progress_bars

if TYPE_CHECKING:
    from bittrue.golden.vectors.extras import Extras
    from bittrue.golden.vectors.manifest import Manifest
    from bittrue.spec.vectors import StimulusKind

FEEDS = "Order and packing of derived files"


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def vectors(
        program: Annotated[
            Path | None, typer.Argument(metavar="[PROGRAM]", help="A program written by `bittrue lower`.")
        ] = None,
        images: Annotated[
            Path | None,
            typer.Option("--images", help="ImageFolder, flat folder, image file, or a .npy of uint8 [N, 3, H, W]."),
        ] = None,
        step: Annotated[
            list[str] | None, typer.Option("--step", help='Step name or pattern ("stages.2.1.*"); may be repeated.')
        ] = None,
        out: Annotated[Path | None, typer.Option("--out", help="The package folder to make.")] = None,
        unit: Annotated[
            list[str] | None,
            typer.Option("--unit", help="Vectors of a bare unit (requantize, softmax, ...); may be repeated."),
        ] = None,
        datapath: Annotated[
            str | None, typer.Option("--datapath", help="Of units: name of hw_configs/datapaths, or a TOML file.")
        ] = None,
        stimuli: Annotated[
            str, typer.Option("--stimuli", help="Of units: directed, uniform, shaped, real; several with commas.")
        ] = "",
        inputs: Annotated[
            Path | None, typer.Option("--inputs", help="Of one unit: arrays by name (.npz), as for `bittrue unit`.")
        ] = None,
        op: Annotated[
            str | None, typer.Option("--op", help="Of units: the requantizer as this operator has it (linear, ...).")
        ] = None,
        mutants: Annotated[
            bool, typer.Option("--mutants", help="Of units: plant faults, and store how many the vectors notice.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", min=1, help="How many images, drawn with --seed.")] = 1,
        vector_limit: Annotated[
            int, typer.Option("--vector-limit", min=1, help="Of real stimuli: vectors of one set at most.")
        ] = 1000,
        formats: Annotated[
            str,
            typer.Option(
                "--format", help="Files besides .npy and .mem: hex, bin, coe, mif, h, map, tosa; with commas."
            ),
        ] = "",
        layout: Annotated[
            str,
            typer.Option("--layout", help="row-major, nhwc, nc32hw, tiles16x16, k64, k64@-2.", rich_help_panel=FEEDS),
        ] = "row-major",
        lanes: Annotated[int, typer.Option("--lanes", min=1, help="Codes in a word.", rich_help_panel=FEEDS)] = 1,
        lane_bits: Annotated[
            int,
            typer.Option("--lane-bits", min=1, max=64, help="At least; more for wide codes.", rich_help_panel=FEEDS),
        ] = 1,
        word_bits: Annotated[
            int, typer.Option("--word-bits", min=1, help="At least; more for wide lanes.", rich_help_panel=FEEDS)
        ] = 1,
        first_lane: Annotated[
            str, typer.Option("--first-lane", help="lowest or highest bits.", rich_help_panel=FEEDS)
        ] = "lowest",
        byte_order: Annotated[
            str, typer.Option("--byte-order", help="little or big, of .bin.", rich_help_panel=FEEDS)
        ] = "little",
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Write golden vectors, every stage included, for RTL to be played against: of steps of a program, or of units.

        PROGRAM --images DIR --step NAME --out PACKAGE: chosen steps. --unit UNIT --stimuli KIND --out PACKAGE: a bare
        unit; real stimuli need PROGRAM and --images as well.
        """
        from bittrue.golden.vectors.extras import Extras
        from bittrue.golden.vectors.stream import StreamChoice
        from bittrue.spec.errors import BadInput

        stream = StreamChoice(
            layout=layout, lanes=lanes, lane_bits=lane_bits, word_bits=word_bits, first_lane=first_lane,
            byte_order=byte_order,
        )  # fmt: skip
        extras = Extras.of(names(formats), stream)
        if out is None:
            raise BadInput("where to?", expected="--out FOLDER")
        request = _Request(out, seed, shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), extras, json)
        if unit:
            made = _units(
                request, unit, program, images, step, datapath=datapath, stimuli=names(stimuli), inputs=inputs, op=op,
                limit=limit, vector_limit=vector_limit, mutants=mutants,
            )  # fmt: skip
        else:
            given = {
                "--datapath": datapath, "--stimuli": stimuli, "--inputs": inputs, "--op": op, "--mutants": mutants,
            }  # fmt: skip
            stray = [option for option, value in given.items() if value]
            if stray:
                raise BadInput("an option of units without a unit", got=", ".join(stray), expected="--unit UNIT")
            made = _steps(request, program, images, step, limit=limit)
        _say(made, out, json=json)


class _Request:
    """What both kinds of package are asked for with."""

    def __init__(self, out: Path, seed: int, command: str, extras: Extras, quiet: bool) -> None:
        self.out, self.seed, self.command, self.extras, self.quiet = out, seed, command, extras, quiet


def _steps(
    request: _Request, program: Path | None, images: Path | None, step: list[str] | None, *, limit: int
) -> Manifest:
    from bittrue import workflow
    from bittrue.spec.errors import BadInput

    if program is None or images is None or not step:
        missing = [name for name, value in (("PROGRAM", program), ("--images", images), ("--step", step)) if not value]
        raise BadInput(
            "steps of what?",
            got=f"no {', '.join(missing)}",
            expected="PROGRAM --images DIR --step NAME, or --unit UNIT",
        )
    with progress_bars(quiet=request.quiet) as progress:
        return workflow.vectors(
            program, images=images, steps=step, out=request.out, limit=limit, seed=request.seed,
            command=request.command, extras=request.extras, progress=progress,
        )  # fmt: skip


def _units(
    request: _Request,
    units: list[str],
    program: Path | None,
    images: Path | None,
    step: list[str] | None,
    *,
    datapath: str | None,
    stimuli: tuple[str, ...],
    inputs: Path | None,
    op: str | None,
    limit: int,
    vector_limit: int,
    mutants: bool,
) -> Manifest:
    from typing import get_args

    from bittrue import workflow
    from bittrue.spec.errors import BadInput
    from bittrue.spec.vectors import StimulusKind
    from bittrue.workflow.unit_vectors import Network

    unknown = [kind for kind in stimuli if kind not in get_args(StimulusKind)]
    if unknown:
        raise BadInput(
            "no such kind of stimuli", where="--stimuli", got=unknown[0], expected=", ".join(get_args(StimulusKind))
        )
    if (program is None) != (images is None) or (step and program is None):
        raise BadInput(
            "real stimuli need a program and images", got="one without the other", expected="PROGRAM --images DIR"
        )
    network = None
    if program is not None and images is not None:
        network = Network(program, images, tuple(step or ("*",)), limit, vector_limit)
    with progress_bars(quiet=request.quiet) as progress:
        return workflow.unit_vectors(
            units, out=request.out, datapath=datapath, kinds=cast("tuple[StimulusKind, ...]", stimuli), inputs=inputs,
            network=network, op=op, seed=request.seed, command=request.command, extras=request.extras,
            mutants=mutants, progress=progress,
        )  # fmt: skip


def _say(manifest: Manifest, out: Path, *, json: bool) -> None:
    reached = sum(1 for one in manifest.units for count in one.coverage.values() if count)
    facts = {
        "package": str(out),
        "steps": len(manifest.steps),
        "unit_sets": len(manifest.units),
        "vectors": sum(one.vectors for one in manifest.units),
        "bins_reached": reached,
        "files": len(manifest.files),
        "images": len(manifest.images),
        "bytes": sum(entry.bytes for entry in manifest.files.values()),
        "payload_digest": manifest.payload_digest,
    }
    if json:
        print_json({**facts, "mutation": [rate.model_dump() | {"score": rate.score} for rate in manifest.mutation]})
    else:
        shown = [(key.replace("_", " "), str(value)) for key, value in facts.items() if value != 0]
        print_rows("vector package", [*shown, *kill_rates(manifest)])
