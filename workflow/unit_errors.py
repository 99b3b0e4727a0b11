"""bench units: how far every approximate unit is from the function that it stands for."""

from __future__ import annotations

import json
from pathlib import Path

from bittrue.reports.unit_data import UnitErrors
from bittrue.reports.unit_tables import check_markers, with_tables
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.workflow.extras import need
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.unit_errors_activation import activation_errors
from bittrue.workflow.unit_errors_kinds import ACTIVATIONS, NORM, SOFTMAX
from bittrue.workflow.unit_errors_norm import norm_errors
from bittrue.workflow.unit_errors_softmax import softmax_errors
from bittrue.workflow.unit_errors_stages import exponential_errors, reciprocal_root_errors

FIGURES = ("silu", "gelu", "exp", "rsqrt", "softmax", "norm")


def bench_units(*, out: Path | None = None, page: Path | None = None, progress: Progress = silent) -> UnitErrors:
    """Measure every kind of softmax, norm, SiLU, GELU, exponential and reciprocal root against float64.

    Inputs are drawn with fixed seeds; constants are what lowering makes of the scales. out: a folder for
    unit_errors.json and one SVG for each of FIGURES. page: a Markdown file whose tables, between their markers,
    are replaced. Raises Unsupported for `out` without matplotlib, BadInput where a file cannot be written.
    """
    if out is not None:
        need("report", "matplotlib", verb="bench units --out")
        if out.exists() and not out.is_dir():
            raise BadInput("the output is no folder", where=str(out), next_step="choose another --out")
    text = None if page is None else _read_page(page)
    found = _measured(progress)
    if out is not None:
        _write_folder(out, found)
    if page is not None and text is not None:
        write_text(page, with_tables(text, found))
    return found


def _measured(progress: Progress) -> UnitErrors:
    silus, silu_curves = activation_errors(ACTIVATIONS)
    progress("units", 1, 4)
    softmaxes, norms = softmax_errors(SOFTMAX), norm_errors(NORM)
    progress("units", 2, 4)
    exponentials, exponential_curves = exponential_errors(SOFTMAX)
    progress("units", 3, 4)
    roots, root_curves = reciprocal_root_errors(NORM)
    progress("units", 4, 4)
    return UnitErrors(
        rows=(*softmaxes, *norms, *silus, *exponentials, *roots),
        curves=(*silu_curves, *exponential_curves, *root_curves),
    )


def _read_page(page: Path) -> str:
    check_target(page)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, str(page))
    return text


def _write_folder(out: Path, found: UnitErrors) -> None:
    from bittrue.reports.unit_figures import unit_figure

    document = {"rows": [row.document() for row in found.rows]}
    write_text(out / "unit_errors.json", json.dumps(plain_json(document), indent=1, allow_nan=False) + "\n")
    for unit in FIGURES:
        write_text(out / f"unit_errors_{unit}.svg", unit_figure(found, unit))
