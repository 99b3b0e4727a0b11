"""bench bridges: bridge activations, their zero points, and their scheme; the paper's figures 2 to 9 for any model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.accuracy_tables import csv_text
from bittrue.reports.bridge_data import Bridges
from bittrue.reports.bridge_tables import COMMAND, SECTIONS, document
from bittrue.reports.page_tables import check_markers, with_tables
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.workflow.bench_accuracy import MODELS
from bittrue.workflow.extras import need, need_torch
from bittrue.workflow.progress import Progress, silent

Tell = Callable[[AccuracyRow], None]


@dataclass(frozen=True)
class BridgesRequest:
    """What shall be measured; empty means all."""

    models: Sequence[str] = MODELS
    """timm's names."""
    parts: Sequence[str] = ()
    """Of PARTS."""
    method: str = "q-hyvit"
    """Of the study of schemes, and of one plan of the study of zero points."""
    bits: Sequence[str] = ("W8A8",)
    """Of the study of schemes."""
    seeds: int = 3
    """Of the study of schemes."""
    limit: int = 1000
    """Evaluation images of whole networks, at most."""
    activation_images: int = 64
    """Evaluation images that activations are looked at on."""
    calibration_images: int = 32
    clamped: str | Path = "paper_q_hyvit"
    """Datapath of the study of zero points, which clamps them."""
    datapath: str | Path = "iot_npu_wide"
    """Of the study of schemes."""
    side: int | None = None


def bench_bridges(
    request: BridgesRequest | None = None,
    *,
    weights: str,
    images: Path,
    calibration: Path,
    out: Path,
    page: Path | None = None,
    figures: Path | None = None,
    measure: bool = True,
    progress: Progress = silent,
    tell: Tell = lambda row: None,
) -> Bridges:
    """Measure what an earlier run with the same `out` has not, and write tables and figures.

    Folders are those of `bench_accuracy`, which may share `out`: plans and measurements that are the same are not made
    twice. Writes bridges.md, bridges.json, a CSV for each table (FILES) and figures. page: a Markdown file whose
    sections of the parts that are asked for, between their markers, are replaced. measure: where it is off, the studies
    of whole networks show what is finished; single activations take a minute and are looked at again. Raises
    BittrueError for what cannot be used, before any work; what a method or a datapath refuses later is a row that says
    so.
    """
    need_torch("bench bridges")
    need("report", "matplotlib", verb="bench bridges")
    from bittrue.reports.bridge_page import sections
    from bittrue.workflow.bridges.run import BridgesRun

    for folder in (out, figures):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise BadInput("the output is no folder", where=str(folder), next_step="choose another folder")
    text = None if page is None else _read_page(page)
    run = BridgesRun(
        request or BridgesRequest(),
        weights=weights,
        images=images,
        calibration=calibration,
        out=out,
        measure=measure,
        progress=progress,
        tell=tell,
    )
    found = run.all()
    _write(found, out, figures or out)
    if page is not None and text is not None:
        write_text(page, with_tables(text, COMMAND, sections(found, figures or out, page.parent)))
    return found


def _read_page(page: Path) -> str:
    """The page, with markers for every section."""
    check_target(page)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, COMMAND, SECTIONS, str(page))
    return text


def document_of(found: Bridges) -> dict[str, list[dict[str, object]]]:
    """Flat records by what they are of, for JSON; single channels stand in the CSV alone."""
    return {
        "activations": [each.record() for each in found.activations],
        "zero_points": [row.record() for row in found.zero_points],
        "zero_point_orderings": [each.record() for each in found.zero_point_orderings],
        "schemes": [row.record() for row in found.schemes],
        "scheme_orderings": [each.record() for each in found.scheme_orderings],
        "schemes_chosen": [each.record() for each in found.chosen],
    }


FILES = {
    "activations": ("activations", "channels"),
    "zero-points": ("zero_points", "zero_point_orderings"),
    "schemes": ("schemes", "scheme_orderings", "schemes_chosen"),
}
"""CSV files of each part: what was not asked for stays as an earlier run left it."""


def _write(found: Bridges, out: Path, figures: Path) -> None:
    from bittrue.reports.bridge_figures import all_figures

    records = document_of(found)
    write_text(out / "bridges.json", json.dumps(plain_json(records), indent=1, allow_nan=False) + "\n")
    records["channels"] = [record for each in found.activations for record in each.channel_records()]
    for part in found.parts:
        for name in FILES[part]:
            write_text(out / f"bridge_{name}.csv", csv_text(records[name]))
    write_text(out / "bridges.md", document(found))
    for name, figure in all_figures(found).items():
        write_text(figures / name, figure)
