"""One self-contained HTML page of a run: no network, no file beside it is needed to read it.

Equal data give equal bytes (with equal versions of matplotlib and Jinja).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from bittrue.reports.data import CostRow, ReportData
from bittrue.reports.figures import cycles_figure, energy_figure, sqnr_figure
from bittrue.reports.svg import BOUND_COLOURS
from bittrue.spec.files import write_text


def write_page(report: ReportData, out: Path) -> None:
    """Write the page whole; raises BadInput where `out` cannot be written."""
    write_text(out, page(report))


def page(report: ReportData) -> str:
    """The page as HTML text."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        breakable=_breakable,
        count=_count,
        decibel=_decibel,
        href=quote,
        kib=_kib,
        microjoule=_microjoule,
        percent=_percent,
    )
    return environment.from_string(resource("page.html")).render(
        report=report,
        style=Markup(resource("page.css")),
        sqnr_svg=Markup(sqnr_figure(report.sqnr, report.worst_drop)) if report.sqnr else "",
        cycles_svg=Markup(cycles_figure(report.cost)) if report.cost else "",
        energy_svg=Markup(energy_figure(report.cost)) if report.cost else "",
        bounds=[bound for bound in BOUND_COLOURS if any(row.bound == bound for row in report.cost)],
        total=_total(report.cost),
    )


def resource(name: str) -> str:
    """A text file that is packaged beside this module."""
    return files("bittrue.reports").joinpath(name).read_text(encoding="utf-8")


def _total(rows: Sequence[CostRow]) -> CostRow:
    """The sum of all rows; its utilisation is the mean over cycles."""
    cycles = sum(row.cycles for row in rows)
    energy: dict[str, float] = {}
    for row in rows:
        for event, energy_pj in row.energy_pj.items():
            energy[event] = energy.get(event, 0.0) + energy_pj
    return CostRow(
        step="total",
        op="",
        bound="",
        macs=sum(row.macs for row in rows),
        cycles=cycles,
        compute_cycles=sum(row.compute_cycles for row in rows),
        vector_cycles=sum(row.vector_cycles for row in rows),
        buffer_cycles=sum(row.buffer_cycles for row in rows),
        memory_cycles=sum(row.memory_cycles for row in rows),
        utilisation=sum(row.utilisation * row.cycles for row in rows) / cycles if cycles else 0.0,
        sram_bytes=sum(row.sram_bytes for row in rows),
        dram_bytes=sum(row.dram_bytes for row in rows),
        flash_bytes=sum(row.flash_bytes for row in rows),
        energy_pj=energy,
    )


def _breakable(name: str) -> Markup:
    """A dotted name that a narrow column may break behind each dot."""
    return Markup("<wbr>").join(escape(part) for part in _keep_dots(name))


def _keep_dots(name: str) -> list[str]:
    *front, last = name.split(".")
    return [f"{part}." for part in front] + [last]


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f") if value else "–"


def _kib(byte_count: int) -> str:
    return f"{byte_count / 1024:,.1f}".replace(",", "\u202f") if byte_count else "–"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.1f}" if ratio else "–"


def _microjoule(energy_pj: float) -> str:
    return f"{energy_pj / 1e6:,.2f}".replace(",", "\u202f") if energy_pj else "–"


def _decibel(value: float) -> str:
    if math.isnan(value):
        return "no signal"
    return f"{value:.2f}" if math.isfinite(value) else ("exact" if value > 0 else "no signal")
