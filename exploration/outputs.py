"""What a study leaves in its folder: points as CSV and Parquet, the Pareto set, sensitivities, figures, a page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bittrue.exploration.sweep import FigureSection, Sweep
from bittrue.reports.exploration_data import StudyData
from bittrue.reports.exploration_figures import study_figure
from bittrue.reports.exploration_findings import findings
from bittrue.reports.exploration_page import study_page
from bittrue.reports.exploration_sensitivity import sensitivities
from bittrue.reports.exploration_tables import csv_text, pareto_table, records, throughput_table
from bittrue.reports.page_tables import markdown, read_page, with_tables
from bittrue.spec.files import plain_json, write_text, written_whole

NOT_YET = "Not measured yet.\n"
SECTIONS = ("found", "figures", "pareto", "throughput")
"""What a page has of a study, by the names in its markers."""


def write_outputs(study: StudyData, sweep: Sweep, out: Path) -> None:
    """points.csv, points.parquet, pareto.csv, sensitivity.csv, study.json, page.html and the figures."""
    found = records(study)
    steps = sensitivities(study)
    sentences = findings(study, sweep.findings)
    write_text(out / "points.csv", csv_text(found))
    write_text(out / "pareto.csv", csv_text([record for record in found if record["pareto"]]))
    write_text(out / "sensitivity.csv", csv_text([vars(step) for step in steps]))
    with written_whole(out / "points.parquet") as part:
        pq.write_table(_arrow(found), part)
    document = {
        "bittrue": "study", "format_version": 1, "name": study.name, "subject": study.subject, "found": list(sentences),
        "points": found,
    }  # fmt: skip
    write_text(out / "study.json", json.dumps(plain_json(document), indent=1, allow_nan=False) + "\n")
    write_text(out / "page.html", study_page(study, sentences, steps))
    for name, text in figures(study, sweep).items():
        write_text(out / name, text)


def figures(study: StudyData, sweep: Sweep) -> dict[str, str]:
    """SVG text by file name; none before there is a point to draw."""
    if not study.done():
        return {}
    asked = sweep.figures or _default(study)
    last = len(asked) > 1
    return {
        f"explore_{study.name}{f'_{index + 1}' if last else ''}.svg": study_figure(study, each)
        for index, each in enumerate(asked)
    }


def write_page_sections(study: StudyData, sweep: Sweep, page: Path, folder: Path) -> None:
    """Replace what a Markdown page says of this study, between its markers, and write its figures into a folder."""
    command = f"bittrue explore {study.name}"
    text = read_page(page, command, SECTIONS)
    drawn = figures(study, sweep) if study.complete else {}
    links = "".join(f"![{study.title}]({_beside(page, folder)}{name})\n\n" for name in drawn)
    write_text(page, with_tables(text, command, {**page_parts(study, sweep), "figures": links or NOT_YET}))
    for name, svg in drawn.items():
        write_text(folder / name, svg)


def _beside(page: Path, folder: Path) -> str:
    """The folder as a link of the page says it."""
    found = Path(os.path.relpath(folder.resolve(), page.resolve().parent)).as_posix()
    return "" if found == "." else f"{found}/"


def page_parts(study: StudyData, sweep: Sweep) -> dict[str, str]:
    """Markdown of its sentences and tables, by the name in a page's markers."""
    sentences = findings(study, sweep.findings)
    table = pareto_table(study, compact=True)
    speed = throughput_table(study)
    return {
        "found": "".join(f"- {sentence}\n" for sentence in sentences) or NOT_YET,
        "pareto": markdown(table.columns, table.lines) if study.complete and table.lines else NOT_YET,
        "throughput": markdown(speed.columns, speed.lines) if study.complete and speed.lines else NOT_YET,
    }


def _default(study: StudyData) -> tuple[FigureSection, ...]:
    first, *rest = study.objectives
    return (FigureSection(x=rest[0] if rest else study.axes[0].name, y=first),)


def _arrow(found: list[dict[str, object]]) -> pa.Table:
    """A column of one type each: a knob whose labels are of several becomes text."""
    columns: Mapping[str, list[object]] = {
        key: [record[key] for record in found] for key in (found[0] if found else {})
    }
    return pa.table({key: pa.array(_one_type(values)) for key, values in columns.items()})


def _one_type(values: list[object]) -> list[object]:
    types = {type(value) for value in values if value is not None}
    if types <= {int, float} and len(types) == 2:
        return [None if value is None else float(str(value)) for value in values]
    return values if len(types) <= 1 else [None if value is None else str(value) for value in values]
