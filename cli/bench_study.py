"""bittrue bench study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.case_bars import case_bars
from bittrue.cli.options import Json, names, whole_number
from bittrue.cli.output import print_json, print_table

if TYPE_CHECKING:
    from bittrue.workflow.studies.request import StudyRequest

Images = Annotated[Path, typer.Option("--images", help="Evaluation images: class folders, or a flat folder.")]
Calibration = Annotated[Path, typer.Option("--calibration", help="Folder that calibration images come from.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for everything; may be that of bench accuracy.")]
Weights = Annotated[
    str, typer.Option("--weights", help='Folder with MODEL_*.safetensors, one such file, or "pretrained".')
]
Models = Annotated[str, typer.Option("--models", help="timm names; default the six of the paper.")]
Bits = Annotated[str, typer.Option("--bits", help="Such as W8A8,W6A6.")]
Evaluated = Annotated[int, typer.Option("--limit", help="Evaluation images.")]
CalibrationImages = Annotated[int, typer.Option("--calibration-images", help="Of every plan.")]
ResidualBits = Annotated[int, typer.Option("--residual-bits", help="Of what additions, norms and means read.")]
PreactivationBits = Annotated[int, typer.Option("--preactivation-bits", help="In front of functions.")]
ScoreBits = Annotated[int, typer.Option("--score-bits", help="In front of a softmax.")]
DatapathName = Annotated[str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")]
Side = Annotated[int | None, typer.Option("--side", help="Image side in pixels; default the model's.")]
Page = Annotated[Path | None, typer.Option("--page", help="Markdown file whose sections are replaced.")]
Figures = Annotated[Path | None, typer.Option("--figures", help="Folder of the plots; default --out.")]
Finished = Annotated[bool, typer.Option("--finished", help="Show what is finished; measure nothing.")]
ARITHMETIC = typer.Option("--arithmetic", help="integer, or partial: softmax, norms, additions in float.")


def register(bench: typer.Typer) -> None:
    """Add the studies."""
    study = typer.Typer(help="Studies that the Q-HyViT paper leaves open.", no_args_is_help=True)
    bench.add_typer(study, name="study")

    @study.command("calibration-set")
    def calibration_set(
        images: Images,
        calibration: Calibration,
        out: Out,
        weights: Weights = "pretrained",
        models: Models = "",
        bits: Bits = "W8A8",
        methods: Annotated[str, typer.Option("--methods", help="Such as q-hyvit,minmax.")] = "q-hyvit,minmax",
        counts: Annotated[str, typer.Option("--counts", help="Numbers of calibration images.")] = "8,32,64,128",
        seeds: Annotated[int, typer.Option("--seeds", help="Draws of the calibration images.")] = 3,
        arithmetic: Annotated[str, ARITHMETIC] = "integer",
        limit: Evaluated = 1000,
        residual_bits: ResidualBits = 8,
        preactivation_bits: PreactivationBits = 16,
        score_bits: ScoreBits = 8,
        datapath: DatapathName = "iot_npu_wide",
        side: Side = None,
        page: Page = None,
        figures: Figures = None,
        finished: Finished = False,
        json: Json = False,
    ) -> None:
        """Accuracy against the number of calibration images, and its spread over draws of them."""
        from bittrue.workflow.studies.request import CalibrationSetRequest

        request = CalibrationSetRequest(
            models=_models(models), bits=names(bits), limit=limit, preactivation_bits=preactivation_bits,
            residual_bits=residual_bits, score_bits=score_bits, datapath=datapath, side=side,
            counts=[whole_number("--counts", number) for number in names(counts)], seeds=seeds, methods=names(methods),
            arithmetic=arithmetic,
        )  # fmt: skip
        _run(request, weights, images, calibration, out, page, figures, finished=finished, json=json)

    @study.command()
    def perturbation(
        images: Images,
        calibration: Calibration,
        out: Out,
        weights: Weights = "pretrained",
        models: Models = "",
        bits: Bits = "W8A8",
        method: Annotated[str, typer.Option("--method", help="Whose quantization errors.")] = "minmax",
        seed: Annotated[int, typer.Option("--seed", min=0, help="Of the calibration.")] = 0,
        factors: Annotated[str, typer.Option("--factors", help="Of the error of one tensor.")] = "0.1,0.25,0.5,1,2,4",
        limit: Evaluated = 32,
        calibration_images: CalibrationImages = 32,
        residual_bits: ResidualBits = 8,
        preactivation_bits: PreactivationBits = 16,
        score_bits: ScoreBits = 8,
        side: Side = None,
        page: Page = None,
        figures: Figures = None,
        finished: Finished = False,
        json: Json = False,
    ) -> None:
        """How far the second-order estimate of the loss follows the true loss as the error grows."""
        from bittrue.workflow.studies.request import PerturbationRequest

        request = PerturbationRequest(
            models=_models(models), bits=names(bits), limit=limit, calibration_images=calibration_images,
            preactivation_bits=preactivation_bits, residual_bits=residual_bits, score_bits=score_bits, side=side,
            method=method, seed=seed, factors=_numbers("--factors", factors),
        )  # fmt: skip
        _run(request, weights, images, calibration, out, page, figures, finished=finished, json=json)

    @study.command()
    def synergy(
        images: Images,
        calibration: Calibration,
        out: Out,
        weights: Weights = "pretrained",
        models: Models = "",
        bits: Bits = "W8A8",
        method: Annotated[str, typer.Option("--method", help="That knows the three options.")] = "q-hyvit",
        seeds: Annotated[int, typer.Option("--seeds", help="Calibrations of each combination.")] = 1,
        arithmetic: Annotated[str, ARITHMETIC] = "integer",
        block_images: Annotated[int, typer.Option("--block-images", help="For the errors at bridge blocks.")] = 64,
        limit: Evaluated = 1000,
        calibration_images: CalibrationImages = 32,
        residual_bits: ResidualBits = 8,
        preactivation_bits: PreactivationBits = 16,
        score_bits: ScoreBits = 8,
        datapath: DatapathName = "iot_npu_wide",
        side: Side = None,
        page: Page = None,
        figures: Figures = None,
        finished: Finished = False,
        json: Json = False,
    ) -> None:
        """Bridge, granularity and scheme in all combinations, and the cross terms at bridge blocks."""
        from bittrue.workflow.studies.request import SynergyRequest

        request = SynergyRequest(
            models=_models(models), bits=names(bits), limit=limit, calibration_images=calibration_images,
            preactivation_bits=preactivation_bits, residual_bits=residual_bits, score_bits=score_bits,
            datapath=datapath, side=side, method=method, seeds=seeds, arithmetic=arithmetic, block_images=block_images,
        )  # fmt: skip
        _run(request, weights, images, calibration, out, page, figures, finished=finished, json=json)


def _run(
    request: StudyRequest,
    weights: str,
    images: Path,
    calibration: Path,
    out: Path,
    page: Path | None,
    figures: Path | None,
    *,
    finished: bool,
    json: bool,
) -> None:
    """Measure and print."""
    from bittrue import workflow

    with case_bars(quiet=json) as (progress, say):
        found = workflow.bench_study(
            request,
            weights=weights,
            images=images,
            calibration=calibration,
            out=out,
            page=page,
            figures=figures,
            measure=not finished,
            progress=progress,
            tell=say,
        )
    if json:
        print_json({"found": list(found.found), **found.records})
        return
    for table in found.tables.values():
        if table.lines:
            print_table(table.title, table.columns, table.lines)
    for sentence in found.found:
        print(sentence)


def _models(text: str) -> tuple[str, ...]:
    from bittrue.workflow.bench_accuracy import MODELS

    return names(text) or MODELS


def _numbers(option: str, text: str) -> list[float]:
    """Not all whole."""
    from bittrue.spec.errors import BadInput

    try:
        return [float(name) for name in names(text)]
    except ValueError as error:
        raise BadInput("not a number", where=option, got=text, expected="numbers with commas between") from error
