"""What workers do, as functions of plain values: calibrate a plan, price a design, simulate a program.

Each is a task of its own, so that the scheduler runs what is common once: a plan for all designs that share it, float
logits for all, one simulation for all programs of equal arithmetic. Results stand in the store under their digests; a
task whose result is there gives it back. A worker keeps what it has loaded for its next task.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan, load_plan
from bittrue.exploration.design import Calibration, Design
from bittrue.exploration.metrics import cost_figures, program_figures
from bittrue.exploration.prefix_store import SHARE, PrefixStore
from bittrue.exploration.prefixes import candidates
from bittrue.exploration.subject import Subject
from bittrue.simulator.cost.report import cost
from bittrue.spec.errors import BittrueError
from bittrue.spec.program import Program
from bittrue.spec.tensor_digests import tensor_digests
from bittrue.workflow.lower import provenance_of
from bittrue.workflow.progress import silent

if TYPE_CHECKING:
    from bittrue.workflow.accuracy.evaluation import Evaluation
    from bittrue.workflow.accuracy.plans import Plans
    from bittrue.workflow.accuracy.sources import FloatModel

PROGRAMS_KEPT = 2
Document = dict[str, Any]


def calibrate(subject: Document, design: Document) -> Document:
    """Make the plan that a design needs, or find it in the store. Its file stays; seconds say what was spent."""
    start = time.perf_counter()
    found = Design.of(design)
    _bench(subject).plan(found.model, found.calibration)
    return {"seconds": time.perf_counter() - start}


def float_logits(subject: Document, model: str) -> Document:
    """Decode the evaluation images and run the float model on them, where that has not been done."""
    start = time.perf_counter()
    bench = _bench(subject)
    bench.evaluation(model).prepare(bench.subject.count)
    return {"seconds": time.perf_counter() - start}


def price(subject: Document, design: Document, _plan: object) -> Document:
    """Lower and cost a design: its figures but those of accuracy, the digest of all that decides its output, and the
    cuts at which other designs may part from it; or the refusal.

    _plan: what `calibrate` gave; only its being there counts.
    """
    start = time.perf_counter()
    found, bench = Design.of(design), _bench(subject)
    try:
        program = bench.program(found)
    except BittrueError as error:
        return {"refused": one_line(error), "seconds": time.perf_counter() - start}
    plan = bench.plan(found.model, found.calibration)
    figures = {**cost_figures(cost(program, found.machine)), **program_figures(program, plan)}
    digests = tensor_digests(program)
    found_cuts = candidates(program, digests, bench.prefix_image_bytes) if bench.prefix_image_bytes else []
    return {
        "figures": figures,
        "arithmetic": digests[program.output],
        "cuts": [dataclasses.astuple(cut) for cut in found_cuts],
        "seconds": time.perf_counter() - start,
    }


def simulate(subject: Document, design: Document, arithmetic: str, _float: object, keep: int | None = None) -> Document:
    """Run the evaluation images through a design's program, and compare its logits with the float model's.

    keep: how many steps stand in front of the cut whose tensors are kept for other designs; None for none.
    """
    from bittrue.exploration.prefixed_run import PrefixedRun
    from bittrue.workflow.accuracy.measure import figures
    from bittrue.workflow.accuracy.store import digest

    start = time.perf_counter()
    found, bench = Design.of(design), _bench(subject)
    evaluation, count = bench.evaluation(found.model), bench.subject.count
    key = digest({"arithmetic": arithmetic, "evaluation": evaluation.images.digest})
    seen = evaluation.store.per_image(key)
    if len(seen) < count:
        run = PrefixedRun(bench.program(found), bench.prefixes(found.model), keep)
        seen = evaluation.extend_placed(key, run, count, silent)
    measured = figures(seen.first(count), evaluation.labels(count), calibration_s=0.0, peak_memory_bytes=None)
    known = {
        "agreement": measured.agreement,
        "sqnr_db": measured.sqnr_db,
        "kl_nats": measured.kl_nats,
        "top1": measured.top1,
        "drop_points": measured.drop_points,
    }
    return {
        "figures": {name: value for name, value in known.items() if value is not None},
        "seconds": time.perf_counter() - start,
    }


def one_line(error: BittrueError) -> str:
    """A refusal as a row says it."""
    where = f"{error.where}: " if error.where else ""
    return f"{where}{error.what}" + ("" if error.got is None else f" ({error.got})")


@dataclass
class Bench:
    """What one worker holds of a study's subject."""

    subject: Subject
    _models: dict[str, FloatModel] = field(default_factory=dict)
    _plans: dict[str, Plans] = field(default_factory=dict)
    _evaluations: dict[str, Evaluation] = field(default_factory=dict)
    _programs: OrderedDict[str, Program] = field(default_factory=OrderedDict)

    def plan(self, model: str, calibration: Calibration) -> QuantPlan:
        """From memory, from the store, or calibrated now."""
        if self.subject.plan is not None:
            return self._given
        from bittrue.calibration.layer_bits import LayerBits

        layers = tuple(LayerBits(**dataclasses.asdict(each)) for each in calibration.layers)
        return self._plans_of(model).plan(calibration.options, calibration.images, silent, layers)

    def program(self, design: Design) -> Program:
        """A design's program, kept for the next task."""
        key = json.dumps(design.identity() | {"machine": None}, sort_keys=True)
        if key not in self._programs:
            plan = self.plan(design.model, design.calibration)
            self._programs[key] = lower_plan(plan, design.datapath, provenance_of(plan))
            while len(self._programs) > PROGRAMS_KEPT:
                self._programs.popitem(last=False)
        return self._programs[key]

    def evaluation(self, model: str) -> Evaluation:
        """Of one model on the study's images."""
        if model not in self._evaluations:
            from bittrue.calibration.images import find_images
            from bittrue.workflow.accuracy.evaluation import Evaluation
            from bittrue.workflow.accuracy.sources import EvaluationImages

            assert self.subject.images is not None
            images = EvaluationImages.of(find_images(Path(self.subject.images)))
            self._evaluations[model] = Evaluation(self._model(model), images, self._store)
        return self._evaluations[model]

    def prefixes(self, model: str) -> PrefixStore:
        """What earlier designs have left of the evaluation images."""
        images = self.evaluation(model).decoded.folder.name
        return PrefixStore(Path(self.subject.store) / "prefixes", images, self.subject.prefix_bytes)

    @property
    def prefix_image_bytes(self) -> float:
        """What the tensors of a cut may take for one image; 0 where none is kept."""
        return self.subject.prefix_bytes / SHARE / self.subject.count if self.subject.images else 0.0

    @cached_property
    def _given(self) -> QuantPlan:
        """The plan of a study that calibrates none."""
        assert self.subject.plan is not None
        return load_plan(Path(self.subject.plan))

    @cached_property
    def _store(self) -> Any:
        from bittrue.workflow.accuracy.store import Store

        return Store(Path(self.subject.store))

    def _plans_of(self, model: str) -> Plans:
        if model not in self._plans:
            from bittrue.calibration.images import find_images
            from bittrue.workflow.accuracy.plans import Plans

            assert self.subject.calibration is not None
            self._plans[model] = Plans(self._model(model), find_images(Path(self.subject.calibration)), self._store)
        return self._plans[model]

    def _model(self, model: str) -> FloatModel:
        if model not in self._models:
            from bittrue.workflow.accuracy.sources import FloatModel, float_models

            if self.subject.plan is not None:
                plan = self._given
                self._models[model] = FloatModel(model, model, plan.digest(), plan.preprocessing, lambda: plan.graph)
            else:
                weights = str(self.subject.weights_of(model) or self.subject.weights)
                (self._models[model],) = float_models([model], weights, side=self.subject.side)
        return self._models[model]


def _bench(subject: Document) -> Bench:
    return _bench_of(json.dumps(subject, sort_keys=True))


@lru_cache(maxsize=1)
def _bench_of(subject: str) -> Bench:
    return Bench(Subject.of(json.loads(subject)))
