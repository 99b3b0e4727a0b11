"""report: one self-contained page about a program, its accuracy and its cost."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

from bittrue.golden.vectors.check import check_package
from bittrue.reports.data import Fact, FileLink, ReportData, Sqnr
from bittrue.simulator.cost.report import CostReport
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.workflow.compare import Comparison, load_comparison
from bittrue.workflow.cost import cost
from bittrue.workflow.extras import need
from bittrue.workflow.progress import Progress, silent


def report(
    program: Program | Path,
    *,
    comparison: Comparison | Path,
    out: Path,
    machine: str | Path = "iot_npu",
    vectors: Path | None = None,
    progress: Progress = silent,
) -> Path:
    """Write the page to `out` and return its path.

    comparison: what `compare` returned or wrote, of this program. vectors: a package to link to, which
    is checked first. Raises BadInput where they do not belong together.
    """
    check_target(out, *(path for path in (program, comparison) if isinstance(path, Path)))
    need("report", "matplotlib", "jinja2", verb="report")
    from bittrue.reports.costs import cost_rows
    from bittrue.reports.page import write_page

    progress("report", 0, 2)
    loaded = load_program(program) if isinstance(program, Path) else program
    compared = load_comparison(comparison) if isinstance(comparison, Path) else comparison
    if compared.program_sha256 != loaded.digest:
        raise BadInput(
            "the comparison is of another program",
            got=f"program {compared.program_sha256[:16]}",
            expected=f"program {loaded.digest[:16]}",
            next_step="bittrue compare PROGRAM --images DIR --out FILE",
        )
    costs = cost(loaded, machine=machine)
    paths = [("program", program), ("comparison", comparison), ("vector package manifest", _manifest(vectors, loaded))]
    data = ReportData(
        title=f"{loaded.model} on {loaded.datapath.name}",
        summary=_summary(compared),
        provenance=_provenance(loaded, costs),
        headline=_headline(compared, costs),
        accuracy=_accuracy(compared),
        sqnr=tuple(Sqnr(row.tensor, row.sqnr_db) for row in compared.tensors),
        worst_drop=compared.worst_drop.tensor if compared.worst_drop else "",
        cost=cost_rows(costs),
        files=tuple(
            FileLink(label, os.path.relpath(path, out.parent)) for label, path in paths if isinstance(path, Path)
        ),
    )
    progress("report", 1, 2)
    write_page(data, out)
    progress("report", 2, 2)
    return out


def _manifest(vectors: Path | None, program: Program) -> Path | None:
    """The manifest of a package that is whole and of this program."""
    if vectors is None:
        return None
    identity = check_package(vectors).program
    if identity is None or identity.digest != program.digest:
        raise BadInput(
            "the vectors are of another program",
            where=str(vectors),
            got="no program" if identity is None else f"program {identity.digest[:16]}",
            expected=f"program {program.digest[:16]}",
            next_step="bittrue vectors PROGRAM --images DIR --out FOLDER",
        )
    return vectors / "manifest.json"


def _summary(compared: Comparison) -> str:
    verdict = compared.verdict
    if verdict.agreed:
        return (
            f"The simulator and the PyTorch integer reference are equal in all {verdict.elements_compared:,} "
            f"integers of {verdict.tensors_compared:,} tensors, on {compared.images} images."
        )
    return (
        f"The simulator and the reference DIFFER in {verdict.mismatches:,} of {verdict.elements_compared:,} integers."
    )


def _provenance(program: Program, costs: CostReport) -> dict[str, str]:
    return {
        "model": program.model,
        "program SHA-256": program.digest,
        "datapath": f"{program.datapath.name} ({program.datapath.source})",
        "machine": costs.machine.name,
        **{
            key.replace("_sha256", " SHA-256"): value
            for key, value in program.provenance.items()
            if key not in ("model", "bittrue")
        },
        "bittrue": importlib.metadata.version("bittrue"),
    }


def _headline(compared: Comparison, costs: CostReport) -> tuple[Fact, ...]:
    top1 = compared.top1
    facts = [
        Fact(
            "mismatches",
            f"{compared.verdict.mismatches:,}",
            f"{compared.verdict.elements_compared:,} integers compared",
        )
    ]
    if top1 is not None:
        facts.append(
            Fact(
                "top-1 agreement",
                _percent(top1.agreement),
                f"{top1.agreed} of {top1.images} images, with the float model",
            )
        )
        facts.append(Fact("logits SQNR", f"{compared.logits_sqnr_db:.2f} dB", ""))
    facts.append(
        Fact("latency", f"{costs.latency_ms:.2f} ms", f"{costs.cycles:,} cycles at {costs.machine.clock_mhz} MHz")
    )
    facts.append(Fact("energy", f"{costs.energy_uj:,.0f} µJ", "an image"))
    return tuple(facts)


def _accuracy(compared: Comparison) -> tuple[Fact, ...]:
    verdict, top1 = compared.verdict, compared.top1
    facts = [
        Fact("images", f"{compared.images}", compared.source),
        Fact("tensors compared", f"{verdict.tensors_compared:,}", "simulator against PyTorch integer reference"),
        Fact("mismatches", f"{verdict.mismatches:,}", "no tolerance"),
    ]
    if top1 is not None:
        facts.append(Fact("top-1 agreement with float", _percent(top1.agreement), f"{top1.agreed} of {top1.images}"))
        facts.append(Fact("SQNR of the logits", f"{compared.logits_sqnr_db:.2f} dB", "over all images"))
    if top1 is not None and top1.labelled:
        facts.append(
            Fact(
                "top-1 accuracy, integer", _percent(top1.integer_accuracy), f"{top1.integer_correct} of {top1.labelled}"
            )
        )
        facts.append(
            Fact("top-1 accuracy, float", _percent(top1.float_accuracy), f"{top1.float_correct} of {top1.labelled}")
        )
    if compared.worst_drop is not None:
        drop = compared.worst_drop
        facts.append(Fact("largest SQNR drop", f"{drop.drop_db:.2f} dB", f"at {drop.tensor}"))
    return tuple(facts)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
