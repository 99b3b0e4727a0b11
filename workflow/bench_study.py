"""bench study: the studies that the Q-HyViT paper leaves open, each with tables, sentences and figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bittrue.reports.accuracy_tables import csv_text
from bittrue.reports.page_tables import check_markers, with_tables
from bittrue.reports.study import FOUND, StudyReport
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.workflow.extras import need, need_torch
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.studies.request import (
    CalibrationSetRequest,
    PerturbationRequest,
    StudyRequest,
    SynergyRequest,
)

if TYPE_CHECKING:
    from bittrue.workflow.studies.inputs import Inputs

STUDIES: dict[type[StudyRequest], str] = {
    CalibrationSetRequest: "calibration-set",
    PerturbationRequest: "perturbation",
    SynergyRequest: "synergy",
}
"""The study that a request asks for."""


def bench_study(
    request: StudyRequest,
    *,
    weights: str,
    images: Path,
    calibration: Path,
    out: Path,
    page: Path | None = None,
    figures: Path | None = None,
    measure: bool = True,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda line: None,
) -> StudyReport:
    """Measure what an earlier run with the same `out` has not, and write everything.

    request: one of STUDIES. weights, images, calibration, measure: as of bench_accuracy, whose `out` may be the
    same folder: plans and measured networks are shared. out: gets study_NAME.md, study_NAME.json, a CSV file for each
    kind of record and the figures. page: a Markdown file whose sections, between their markers, are replaced. figures:
    another folder for the figures. tell: gets a line as something is done. Raises BittrueError for what cannot be
    used, before any work.
    """
    need_torch("bench study")
    need("report", "matplotlib", verb="bench study")
    from bittrue.workflow.studies.inputs import study_inputs

    name = STUDIES[type(request)]
    command = f"bittrue bench study {name}"
    for folder in (out, figures):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise BadInput("the output is no folder", where=str(folder), next_step="choose another folder")
    text = None if page is None else _read_page(page, command, request)
    inputs = study_inputs(
        request,
        weights=weights,
        images=images,
        calibration=calibration,
        out=out,
        measure=measure,
        progress=progress,
        tell=tell,
    )
    found = _run(request, inputs)
    _write(found, name, out, figures or out)
    if page is not None and text is not None:
        write_text(page, with_tables(text, command, found.page_parts()))
    return found


def _run(request: StudyRequest, inputs: Inputs) -> StudyReport:
    from bittrue.workflow.studies.calibration_set import calibration_set
    from bittrue.workflow.studies.perturbation import perturbation
    from bittrue.workflow.studies.synergy import synergy

    if isinstance(request, CalibrationSetRequest):
        return calibration_set(inputs, request)
    if isinstance(request, PerturbationRequest):
        return perturbation(inputs, request)
    assert isinstance(request, SynergyRequest)
    return synergy(inputs, request)


def sections(request: StudyRequest) -> tuple[str, ...]:
    """The names in a page's markers of everything that a study writes there."""
    from bittrue.reports import study_calibration_set, study_perturbation, study_synergy

    tables = {
        CalibrationSetRequest: study_calibration_set.TABLES,
        PerturbationRequest: study_perturbation.TABLES,
        SynergyRequest: study_synergy.TABLES,
    }
    return (FOUND, *tables[type(request)])


def _read_page(page: Path, command: str, request: StudyRequest) -> str:
    """The page, with markers for every section that there will be."""
    check_target(page)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, command, sections(request), str(page))
    return text


def _write(found: StudyReport, name: str, out: Path, figures: Path) -> None:
    stem = f"study_{name.replace('-', '_')}"
    text = json.dumps(plain_json(dict(found.records)), indent=1, allow_nan=False)
    write_text(out / f"{stem}.json", text + "\n")
    for kind, records in found.records.items():
        write_text(out / f"study_{kind}.csv", csv_text(records))
    write_text(out / f"{stem}.md", found.document(f"bittrue bench study {name}"))
    for file, figure in found.figures.items():
        write_text(figures / file, figure)
