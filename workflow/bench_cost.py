"""bench cost: the cost model held against SCALE-Sim, Vela, ZigZag and an RTL design, as tables of ratios."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from bittrue.reports.accuracy_tables import csv_text
from bittrue.reports.cost_data import CostComparison, CostPoint, LeftOut
from bittrue.reports.cost_tables import COMMAND, page_parts
from bittrue.reports.page_tables import check_markers, with_tables
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.workflow.cost import cost
from bittrue.workflow.costs.peer import Peer
from bittrue.workflow.costs.rtl import rtl_points
from bittrue.workflow.costs.scale_sim import formula_points, tool_points
from bittrue.workflow.extras import need
from bittrue.workflow.progress import Progress, silent

PARTS = ("scale-sim", "scale-sim-tool", "vela", "zigzag", "rtl")


@dataclass(frozen=True)
class CostRequest:
    """What is compared with whom."""

    parts: tuple[str, ...] = PARTS[:4]
    vela_machines: tuple[str, ...] = ("ethos_u55_128", "ethos_u55_256", "ethos_u65_256")
    scale_sim: Path = Path(".venv-scalesim")
    vela: Path = Path(".venv-vela")
    zigzag: Path = Path(".venv-zigzag")
    """Virtual environments of the peers; the Makefile has a target for each."""
    rtl_cycles: Path | None = None
    """CSV with the columns step and cycles, written by the RTL simulation of `program`."""
    program: Path | None = None
    rtl_machine: str | None = None
    """A name or a TOML file; None: the array in tests/rtl/bt_mac.sv."""
    limit: int | None = None
    """Layers of each peer, for a quick look; the page is then left alone."""


def bench_cost(
    request: CostRequest,
    *,
    out: Path | None = None,
    page: Path | None = None,
    progress: Progress = silent,
) -> CostComparison:
    """Compare, and write cost_comparison.csv and .json into `out` and the tables into `page`.

    Raises BittrueError before any work where a part, an environment or a file is missing.
    """
    unknown = [part for part in request.parts if part not in PARTS]
    if unknown:
        raise BadInput("there is no such comparison", got=unknown[0], expected=", ".join(PARTS))
    if page is not None and request.limit is not None:
        raise BadInput("a limited run does not fill the page", got=f"limit {request.limit}", next_step="leave it out")
    if "rtl" in request.parts and (request.rtl_cycles is None or request.program is None):
        raise BadInput("a comparison with RTL needs its cycles and its program", expected="--rtl-cycles and --program")
    text = None if page is None else _read(page)
    found = tuple(_all(request, progress))
    result = CostComparison(
        tuple(item for item in found if isinstance(item, CostPoint)),
        tuple(item for item in found if isinstance(item, LeftOut)),
    )
    made = page_parts(result)
    if out is not None:
        rows = [{**dataclasses.asdict(point), "ratio": point.ratio} for point in result.points]
        write_text(out / "cost_comparison.csv", csv_text(rows))
        left = [dataclasses.asdict(item) for item in result.left_out]
        write_text(out / "cost_comparison.json", json.dumps(plain_json({"points": rows, "left_out": left}), indent=1))
    if page is not None and text is not None:
        check_markers(text, COMMAND, made, str(page))
        write_text(page, with_tables(text, COMMAND, made))
    return result


def _all(request: CostRequest, progress: Progress) -> Iterator[CostPoint | LeftOut]:
    if "scale-sim" in request.parts:
        yield from formula_points()
    if "scale-sim-tool" in request.parts:
        yield from tool_points(Peer("SCALE-Sim", request.scale_sim))
    if "zigzag" in request.parts:
        from bittrue.workflow.costs.zigzag import zigzag_points

        yield from zigzag_points(Peer("ZigZag", request.zigzag), limit=request.limit)
    if "vela" in request.parts:
        need("bench", "ai_edge_litert", "flatbuffers", verb="bench cost")
        from bittrue.workflow.costs.vela import vela_points

        peer = Peer("Vela", request.vela)
        yield from vela_points(peer, request.vela_machines, limit=request.limit, progress=progress)
    if "rtl" in request.parts and request.rtl_cycles is not None and request.program is not None:
        with as_file(files("bittrue.workflow.costs").joinpath("rtl_bt_mac.toml")) as path:
            report = cost(request.program, machine=request.rtl_machine or path)
        yield from rtl_points(request.rtl_cycles, report)


def _read(page: Path) -> str:
    check_target(page)
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
