"""bench accuracy: methods x models at each bit width, partially quantized, in integers, and as an ablation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bittrue.reports.accuracy_data import Accuracy, AccuracyRow
from bittrue.reports.accuracy_tables import COMMAND, all_tables, csv_text, document, page_text, table_names
from bittrue.reports.page_tables import check_markers, with_tables
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.workflow.extras import need, need_torch
from bittrue.workflow.progress import Progress, silent

if TYPE_CHECKING:
    from bittrue.workflow.accuracy.cases import Case
    from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel

MODELS = (
    "mobilevit_xxs", "mobilevit_xs", "mobilevit_s", "mobilevitv2_050", "mobilevitv2_075", "mobilevitv2_100",
)  # fmt: skip
"""The paper's (arXiv 2303.12557)."""


@dataclass(frozen=True)
class AccuracyRequest:
    """What the tables shall have; empty means the default."""

    models: Sequence[str] = MODELS
    """timm's names."""
    methods: Sequence[str] = ()
    """All."""
    bits: Sequence[str] = ()
    """As "W4A8"; else each table's own."""
    tables: Sequence[str] = ()
    """"1", "2", "3"; all."""
    seeds: int = 3
    """Of q-hyvit and best and of the ablation; the others have seed 0 alone."""
    limit: int | None = None
    """Evaluation images of q-hyvit and best; all."""
    rival_limit: int = 1000
    """Of the others and of the ablation; never more than `limit`."""
    calibration_images: int = 32
    calibration_images_of: Mapping[str, int] = field(default_factory=dict)
    """Of methods that take another number."""
    residual_bits: Sequence[int] = (8,)
    preactivation_bits: int = 16
    score_bits: int = 8
    datapath: str | Path = "iot_npu_wide"
    side: int | None = None


def bench_accuracy(
    request: AccuracyRequest | None = None,
    *,
    weights: str,
    images: Path,
    calibration: Path,
    out: Path,
    page: Path | None = None,
    figures: Path | None = None,
    measure: bool = True,
    progress: Progress = silent,
    tell: Callable[[AccuracyRow], None] = lambda row: None,
) -> Accuracy:
    """Measure what an earlier run with the same `out` has not, and write all tables.

    weights: a folder with MODEL_*.safetensors, one file, or "pretrained". images: evaluation images, whose labels
    count where there are as many class folders as the model has classes. calibration: what calibration
    images are drawn from. out: the folder of everything that is kept (workflow/accuracy/store.py), with accuracy.md,
    accuracy.json, accuracy.csv, orderings.csv and a figure for each table. page: a Markdown file whose tables, between
    their markers, are replaced. figures: another folder for the figures. measure: where it is off, the tables show what
    is finished. tell: gets each row as it is done. Raises BittrueError for what cannot be used, before any work; what
    a method or a datapath refuses later is a row that says so.
    """
    need_torch("bench accuracy")
    need("report", "matplotlib", verb="bench accuracy")
    from bittrue.calibration.images import find_images
    from bittrue.hw_configs.load import load_datapath
    from bittrue.workflow.accuracy.evaluation import check_space
    from bittrue.workflow.accuracy.orderings import orderings
    from bittrue.workflow.accuracy.run import CaseRunner, run_cases
    from bittrue.workflow.accuracy.sources import EvaluationImages, float_models
    from bittrue.workflow.accuracy.store import Store

    request = request or AccuracyRequest()
    for folder in (out, figures):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise BadInput("the output is no folder", where=str(folder), next_step="choose another folder")
    evaluation = EvaluationImages.of(find_images(images))
    drawn = find_images(calibration)
    _check_names(request)
    datapath = load_datapath(request.datapath)
    models = float_models(request.models, weights, side=request.side)
    cases = _cases(request, models, evaluation, len(drawn))
    text = None if page is None else _read_page(page, cases)
    store = Store(out)
    runners = [
        CaseRunner(model, calibration=drawn, evaluation=evaluation, datapath=datapath, store=store, progress=progress)
        for model in models
    ]
    if measure:
        check_space(store, [runner.evaluation for runner in runners], max(case.images for case in cases))
    rows = run_cases(cases, runners, measure=measure, progress=progress, tell=tell)
    by_model = {runner.model.name: runner for runner in runners}
    found = Accuracy(rows, orderings(rows, lambda row: by_model[row.model].per_image(row)))
    _write(found, out, figures or out)
    if page is not None and text is not None:
        made = {name: page_text(table) for name, table in all_tables(found).items()}
        write_text(page, with_tables(text, COMMAND, made))
    return found


def _check_names(request: AccuracyRequest) -> None:
    """Refuse what no model is needed to refuse."""
    from bittrue.calibration.methods import METHODS
    from bittrue.workflow.accuracy.cases import bits_of, methods_of, tables_of

    bits_of(request.bits), tables_of(request.tables), methods_of(request.methods, tuple(METHODS))
    methods_of(tuple(request.calibration_images_of), tuple(METHODS))


def _cases(
    request: AccuracyRequest, models: Sequence[FloatModel], evaluation: EvaluationImages, calibration: int
) -> tuple[Case, ...]:
    """The cases, every option checked."""
    from bittrue.calibration.methods import METHODS
    from bittrue.workflow.accuracy.cases import Request, bits_of, methods_of, planned, tables_of

    available = len(evaluation.paths)
    images = available if request.limit is None else request.limit
    counts = (request.calibration_images, *request.calibration_images_of.values())
    for option, least, value, most in (
        ("--limit", 1, images, available),
        ("--rival-limit", 1, request.rival_limit, None),
        ("--seeds", 1, request.seeds, None),
        *(("--calibration-images", 1, count, calibration) for count in counts),
    ):
        if value < least or (most is not None and value > most):
            raise BadInput("a number is out of range", where=option, got=value, expected=f"{least}..{most or ''}")
    if not models or not request.residual_bits:
        raise BadInput("nothing to measure", got="no models or no residual bits", next_step="name at least one")
    cases = planned(
        Request(
            models=tuple(model.name for model in models),
            methods=methods_of(request.methods, tuple(METHODS)),
            tables=tables_of(request.tables),
            bits=bits_of(request.bits),
            images=images,
            rival_images=min(images, request.rival_limit),
            seeds=request.seeds,
            calibration_images=request.calibration_images,
            calibration_images_of=request.calibration_images_of,
            preactivation_bits=request.preactivation_bits,
            residual_bits=tuple(dict.fromkeys(request.residual_bits)),
            score_bits=request.score_bits,
        )
    )
    for case in cases:
        case.options.check(tuple(METHODS))
    return cases


def _read_page(page: Path, cases: Sequence[Case]) -> str:
    """The page, with markers for every table that there will be."""
    check_target(page)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, COMMAND, table_names({(case.table, case.arithmetic) for case in cases}), str(page))
    return text


def _write(found: Accuracy, out: Path, figures: Path) -> None:
    from bittrue.reports.accuracy_figures import SHOWN, accuracy_figure, figure_name

    rows, pairs = [row.record() for row in found.rows], [pair.record() for pair in found.orderings]
    text = json.dumps(plain_json({"rows": rows, "orderings": pairs}), indent=1, allow_nan=False)
    write_text(out / "accuracy.json", text + "\n")
    write_text(out / "accuracy.csv", csv_text(rows))
    write_text(out / "orderings.csv", csv_text(pairs))
    write_text(out / "accuracy.md", document(found))
    for table, arithmetic in found.tables():
        for metric in SHOWN:
            name = figure_name(table, arithmetic, metric)
            write_text(figures / name, accuracy_figure(found, table, arithmetic, metric))
