"""compare: the simulator against the PyTorch integer reference, exactly, and against the float model."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bittrue.calibration.plan import QuantPlan, load_plan
from bittrue.golden.compare import Verdict
from bittrue.golden.compare import compare as compare_traces
from bittrue.golden.fidelity import Drop, Fidelity, TensorFidelity, Top1
from bittrue.simulator.engine import Simulator
from bittrue.spec.documents import DAMAGE
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.workflow.extras import need_torch
from bittrue.workflow.inputs import open_images
from bittrue.workflow.progress import Progress, silent

KIND = "comparison"


@dataclass(frozen=True)
class Comparison:
    """Exact verdict over all images, and the distance to the float model where a plan was given."""

    program_sha256: str
    images: int
    source: str
    verdict: Verdict
    top1: Top1 | None
    tensors: tuple[TensorFidelity, ...]
    """In order of production; empty without a plan."""
    worst_drop: Drop | None

    @property
    def logits_sqnr_db(self) -> float | None:
        """SQNR of the logits; None without a plan."""
        return self.tensors[-1].sqnr_db if self.tensors else None


def compare(
    program: Program | Path,
    *,
    images: Path,
    plan: QuantPlan | Path | None = None,
    out: Path | None = None,
    limit: int | None = None,
    stages: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Comparison:
    """Run simulator and reference on the same images and compare every integer of every tensor.

    plan: the plan that the program was lowered from; with it the float graph runs too. stages: compare
    the values inside every op as well. out: a JSON file that `report` reads. Differences are not
    errors: look at `verdict.agreed`.
    """
    if out is not None:
        check_target(out, images, *(path for path in (program, plan) if isinstance(path, Path)))
    need_torch("compare")
    from bittrue.calibration.float_run import FloatRunner
    from bittrue.golden.reference import Reference

    loaded = load_program(program) if isinstance(program, Path) else program
    float_plan = load_plan(plan) if isinstance(plan, Path) else plan
    if float_plan is not None and float_plan.digest() != loaded.provenance.get("plan_sha256"):
        raise BadInput(
            "the program was not lowered from this plan",
            where=str(plan) if isinstance(plan, Path) else "plan",
            got=f"plan {float_plan.digest()[:16]}",
            expected=f"plan {loaded.provenance.get('plan_sha256', 'unknown')[:16]}",
            next_step="give the plan that the program came from, or lower this one",
        )
    found = open_images(loaded, images, limit=limit, seed=seed, verb="compare")
    machine, judge = Simulator(loaded), Reference(loaded)
    runner = None if float_plan is None else FloatRunner(float_plan.graph)
    verdict, fidelity = Verdict(), Fidelity(loaded)
    for index, image in enumerate(found):
        expected = judge.run(image.codes, stages=stages)
        actual = machine.run(image.codes, keep="stages" if stages else "tensors")
        verdict += compare_traces(loaded, expected, actual, image=image.name)
        if runner is not None:
            floats = {name: tensor.numpy() for name, tensor in runner.tensors(image.codes)}
            fidelity.add(actual, floats, label=image.label)
        progress("compare", index + 1, len(found))
    measured = runner is not None
    result = Comparison(
        loaded.digest,
        len(found),
        images.name,
        verdict,
        fidelity.top1 if measured else None,
        fidelity.rows if measured else (),
        fidelity.worst_drop if measured else None,
    )
    if out is not None:
        save_comparison(result, out)
    return result


def save_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison as JSON; infinities become the strings "inf" and "-inf"."""
    document = {"bittrue": KIND, "format_version": 1, **dataclasses.asdict(comparison)}
    write_text(path, json.dumps(plain_json(document), indent=1, sort_keys=True, allow_nan=False) + "\n")


def load_comparison(path: Path) -> Comparison:
    """Read a comparison; raises BadInput for a missing, damaged or foreign file."""
    try:
        document = json.loads(path.read_text())
        if document["bittrue"] != KIND or document["format_version"] != 1:
            raise ValueError(f"a {document['bittrue']} file, format {document['format_version']}")
        found = TypeAdapter(Comparison).validate_python(document)
        counts = (
            found.images,
            found.verdict.tensors_compared,
            found.verdict.elements_compared,
            found.verdict.mismatches,
        )
        if min(counts) < 0 or (found.top1 is None) != (not found.tensors):
            raise ValueError("its counts contradict each other")
        return found
    except FileNotFoundError as error:
        raise BadInput(
            "no such comparison file", where=str(path), next_step="bittrue compare PROGRAM --images DIR --out FILE"
        ) from error
    except (OSError, *DAMAGE) as error:
        raise BadInput(
            "not a comparison written by `bittrue compare`",
            where=str(path),
            got=f"{type(error).__name__}: {error}"[:200],
            next_step="bittrue compare PROGRAM --images DIR --out FILE",
        ) from error
