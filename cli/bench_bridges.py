"""bittrue bench bridges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.case_bars import case_bars
from bittrue.cli.options import Json
from bittrue.cli.output import decibel, percent, print_json, print_table

if TYPE_CHECKING:
    from bittrue.reports.accuracy_data import AccuracyRow


def register(bench: typer.Typer) -> None:
    """Add the benchmark."""

    @bench.command()
    def bridges(
        images: Annotated[Path, typer.Option("--images", help="Evaluation images: class folders, or a flat folder.")],
        calibration: Annotated[Path, typer.Option("--calibration", help="Folder that calibration images come from.")],
        out: Annotated[Path, typer.Option("--out", help="Folder for tables, figures and all that a later run reuses.")],
        weights: Annotated[
            str, typer.Option("--weights", help='Folder with MODEL_*.safetensors, one such file, or "pretrained".')
        ] = "pretrained",
        models: Annotated[str, typer.Option("--models", help="timm names; default the six of the paper.")] = "",
        parts: Annotated[str, typer.Option("--parts", help="activations,zero-points,schemes; default all.")] = "",
        method: Annotated[str, typer.Option("--method", help="Of whole networks.")] = "q-hyvit",
        bits: Annotated[str, typer.Option("--bits", help="Of the study of schemes, such as W8A8,W6A6.")] = "W8A8",
        seeds: Annotated[int, typer.Option("--seeds", help="Calibrations of the study of schemes.")] = 3,
        limit: Annotated[int, typer.Option("--limit", help="Evaluation images of whole networks.")] = 1000,
        activation_images: Annotated[
            int, typer.Option("--activation-images", help="Evaluation images that activations are looked at on.")
        ] = 64,
        calibration_images: Annotated[int, typer.Option("--calibration-images", help="Of every plan.")] = 32,
        clamped: Annotated[
            str, typer.Option("--clamped", help="Datapath with clamped zero points: a name or a TOML file.")
        ] = "paper_q_hyvit",
        datapath: Annotated[
            str, typer.Option("--datapath", help="Datapath of the study of schemes: a name or a TOML file.")
        ] = "iot_npu_wide",
        side: Annotated[int | None, typer.Option("--side", help="Image side in pixels; default the model's.")] = None,
        page: Annotated[Path | None, typer.Option("--page", help="Markdown file whose sections are replaced.")] = None,
        figures: Annotated[Path | None, typer.Option("--figures", help="Folder of the plots; default --out.")] = None,
        finished: Annotated[
            bool, typer.Option("--finished", help="Show which networks are finished; measure no more of them.")
        ] = False,
        json: Json = False,
    ) -> None:
        """Bridge activations: ranges, granularity, zero points that overflow, symmetric against asymmetric."""
        from bittrue import workflow
        from bittrue.reports.bridge_tables import tables_of
        from bittrue.workflow.bench_accuracy import MODELS
        from bittrue.workflow.bench_bridges import BridgesRequest, document_of

        request = BridgesRequest(
            models=_names(models) or MODELS,
            parts=_names(parts),
            method=method,
            bits=_names(bits),
            seeds=seeds,
            limit=limit,
            activation_images=activation_images,
            calibration_images=calibration_images,
            clamped=clamped,
            datapath=datapath,
            side=side,
        )
        with case_bars(quiet=json) as (progress, say):
            found = workflow.bench_bridges(
                request,
                weights=weights,
                images=images,
                calibration=calibration,
                out=out,
                page=page,
                figures=figures,
                measure=not finished,
                progress=progress,
                tell=lambda row: say(_line(row)),
            )
        if json:
            print_json(document_of(found))
            return
        for tables in tables_of(found).values():
            for table in tables:
                print_table(table.title, table.columns, table.lines)


def _line(row: AccuracyRow) -> str:
    """One network that is done."""
    name = f"{row.table}: {row.model} {row.bits} {row.name} on {row.datapath or 'no datapath'}, seed {row.seed}"
    if row.figures is None:
        return f"{name}: refused, {row.refused}"
    found = row.figures
    said = f"{decibel(found.sqnr_db)}, {percent(found.agreement)} of {found.images:,} images as in float"
    return f"{name}: {said}; {found.calibration_s:.0f} s + {found.evaluation_s:.0f} s"


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
