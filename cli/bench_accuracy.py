"""bittrue bench accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.case_bars import case_bars
from bittrue.cli.options import Json, names, whole_number
from bittrue.cli.output import decibel, percent, print_json, print_table

if TYPE_CHECKING:
    from bittrue.reports.accuracy_data import AccuracyRow


def register(bench: typer.Typer) -> None:
    """Add the benchmark."""

    @bench.command()
    def accuracy(
        images: Annotated[Path, typer.Option("--images", help="Evaluation images: class folders, or a flat folder.")],
        calibration: Annotated[Path, typer.Option("--calibration", help="Folder that calibration images come from.")],
        out: Annotated[Path, typer.Option("--out", help="Folder for tables, figures and all that a later run reuses.")],
        weights: Annotated[
            str, typer.Option("--weights", help='Folder with MODEL_*.safetensors, one such file, or "pretrained".')
        ] = "pretrained",
        models: Annotated[str, typer.Option("--models", help="timm names; default the six of the paper.")] = "",
        methods: Annotated[str, typer.Option("--methods", help="Default all.")] = "",
        bits: Annotated[str, typer.Option("--bits", help="Such as W8A8,W4A8; default each table's own.")] = "",
        tables: Annotated[str, typer.Option("--tables", help="1 partial, 2 integers, 3 ablation.")] = "1,2,3",
        seeds: Annotated[int, typer.Option("--seeds", help="Calibrations of q-hyvit, best and the ablation.")] = 3,
        limit: Annotated[int | None, typer.Option("--limit", help="Evaluation images; default all.")] = None,
        rival_limit: Annotated[int, typer.Option("--rival-limit", help="Of other methods and the ablation.")] = 1000,
        calibration_images: Annotated[
            str, typer.Option("--calibration-images", help="Such as 32, or 32,best=256.")
        ] = "32",
        residual_bits: Annotated[str, typer.Option("--residual-bits", help="Such as 8,16: lines of table 2.")] = "8",
        preactivation_bits: Annotated[int, typer.Option("--preactivation-bits", help="In front of functions.")] = 16,
        score_bits: Annotated[int, typer.Option("--score-bits", help="In front of a softmax.")] = 8,
        datapath: Annotated[
            str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu_wide",
        side: Annotated[int | None, typer.Option("--side", help="Image side in pixels; default the model's.")] = None,
        page: Annotated[Path | None, typer.Option("--page", help="Markdown file whose tables are replaced.")] = None,
        figures: Annotated[Path | None, typer.Option("--figures", help="Folder of the plots; default --out.")] = None,
        finished: Annotated[bool, typer.Option("--finished", help="Show what is finished; measure nothing.")] = False,
        json: Json = False,
    ) -> None:
        """Accuracy of calibration methods: the tables of the Q-HyViT paper, on any images and weights."""
        from bittrue import workflow
        from bittrue.reports.accuracy_tables import all_tables
        from bittrue.workflow.bench_accuracy import MODELS, AccuracyRequest

        count, count_of = _counts(calibration_images)
        request = AccuracyRequest(
            models=names(models) or MODELS,
            methods=names(methods),
            bits=names(bits),
            tables=names(tables),
            seeds=seeds,
            limit=limit,
            rival_limit=rival_limit,
            calibration_images=count,
            calibration_images_of=count_of,
            residual_bits=[whole_number("--residual-bits", name) for name in names(residual_bits)],
            preactivation_bits=preactivation_bits,
            score_bits=score_bits,
            datapath=datapath,
            side=side,
        )
        with case_bars(quiet=json) as (progress, say):
            found = workflow.bench_accuracy(
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
            print_json(
                {"rows": [row.record() for row in found.rows], "orderings": [p.record() for p in found.orderings]}
            )
            return
        shown = all_tables(found)
        refused = shown.pop("refused")
        for table in shown.values():
            if table.lines:
                print_table(table.title, table.columns, table.lines)
        for line in refused.lines:
            print("refused:", ", ".join(line))


def _line(row: AccuracyRow) -> str:
    """One case that is done."""
    name = f"table {row.table} {row.model} {row.bits} residual {row.residual_bits} {row.name} {row.arithmetic}"
    if row.figures is None:
        return f"{name} seed {row.seed}: refused, {row.refused}"
    found = row.figures
    said = f"{decibel(found.sqnr_db)}, {percent(found.agreement)} of {found.images:,} images as in float"
    return f"{name} seed {row.seed}: {said}; {found.calibration_s:.0f} s + {found.evaluation_s:.0f} s"


def _counts(text: str) -> tuple[int, dict[str, int]]:
    """A number for all methods and others for some, as in 32,best=256."""
    count, special = 32, {}
    for part in names(text):
        method, named, number = part.rpartition("=")
        if named:
            special[method] = whole_number("--calibration-images", number)
        else:
            count = whole_number("--calibration-images", number)
    return count, special
