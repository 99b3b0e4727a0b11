"""One call of bench bridges, its three parts one after another; everything that was asked for is checked first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.images import find_images, load_images
from bittrue.calibration.plan import QuantPlan
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.bridge_data import PARTS, Bridges
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Case, bits_of
from bittrue.workflow.accuracy.chunks import CHUNK
from bittrue.workflow.accuracy.evaluation import Evaluation, check_space
from bittrue.workflow.accuracy.run import CaseRunner, Change, run_cases
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel, float_models
from bittrue.workflow.accuracy.store import Store
from bittrue.workflow.bench_bridges import BridgesRequest, Tell
from bittrue.workflow.bridges import schemes, zero_points
from bittrue.workflow.bridges.activations import Watched, measure, observed, watched
from bittrue.workflow.bridges.histograms import by_granularity, by_overflow, histograms
from bittrue.workflow.bridges.quantizers import replanned
from bittrue.workflow.progress import Progress


class BridgesRun:
    """Holds what the parts share."""

    def __init__(
        self,
        request: BridgesRequest,
        *,
        weights: str,
        images: Path,
        calibration: Path,
        out: Path,
        measure: bool,
        progress: Progress,
        tell: Tell,
    ) -> None:
        """Check the request. Raises BadInput for what cannot be met."""
        self.measure, self.progress, self.tell = measure, progress, tell
        self.calibration, self.store = find_images(calibration), Store(out)
        self.images = EvaluationImages.of(find_images(images))
        self.request = _checked(request, len(self.images.paths), len(self.calibration))
        self.bits, self.datapath = bits_of(request.bits), load_datapath(request.datapath)
        self.clamped = zero_points.clamping(load_datapath(request.clamped))
        self.models = float_models(request.models, weights, side=request.side)
        if not self.models or not self.bits:
            raise BadInput("nothing to measure", got="no models or no bits", next_step="name at least one")
        looked_at = self.request.activation_images if "activations" in self.request.parts else 0
        whole = self.request.limit if measure and set(self.request.parts) - {"activations"} else 0
        check_space(self.store, [self.evaluation(model) for model in self.models], max(looked_at, whole))

    def evaluation(self, model: FloatModel) -> Evaluation:
        """The evaluation images as a model sees them."""
        return Evaluation(model, self.images, self.store)

    def all(self) -> Bridges:
        """The parts that were asked for."""
        found = Bridges(tuple(self.request.parts), self.request.calibration_images, self.request.activation_images)
        parts = {"activations": self.activations, "zero-points": self.zero_points, "schemes": self.schemes}
        for name in self.request.parts:
            found = parts[name](found)
        return found

    def activations(self, found: Bridges) -> Bridges:
        """Every bridge activation of every model by itself."""
        for model in self.models:
            names = watched(model.graph)
            if names:
                found = self._of_model(found, model, names)
        return found

    def _of_model(self, found: Bridges, model: FloatModel, names: dict[str, Watched]) -> Bridges:
        pixels = self._calibrating(model)
        ranges = observed(model.graph, names, pixels)
        count, told = len(pixels) + self.request.activation_images, f"activations {model.name}"
        seen = measure(
            model.graph,
            model.name,
            names,
            ranges,
            (pixels[index : index + 1] for index in range(len(pixels))),
            self._one_by_one(model),
            lambda done: self.progress(told, done, count),
        )
        granularity, overflow = by_granularity(seen), by_overflow(seen)
        wanted = (*granularity, *overflow)
        made = histograms(model.graph, model.name, wanted, names, ranges, self._one_by_one(model))
        return replace(
            found,
            activations=(*found.activations, *seen),
            granularity=(*found.granularity, *made[: len(granularity)]),
            overflow=(*found.overflow, *made[len(granularity) :]),
        )

    def _calibrating(self, model: FloatModel) -> NDArray[np.uint8]:
        """The calibration images of seed 0, [images, 3, side, side]."""
        drawn = self.calibration.choose(self.request.calibration_images, 0)
        return load_images(drawn.paths, model.preprocessing)

    def _one_by_one(self, model: FloatModel) -> Iterator[NDArray[np.uint8]]:
        """The evaluation images that activations are looked at on, each [1, 3, side, side]."""
        decoded = self.evaluation(model).decoded
        for index in range(self.request.activation_images):
            chunk, at = divmod(index, CHUNK)
            yield np.array(decoded[chunk][at : at + 1])  # a copy: torch takes no memory map that is read-only

    def zero_points(self, found: Bridges) -> Bridges:
        """Whole networks with zero points of 8 bits and with wide ones."""
        request, done = self.request, []
        for variant in zero_points.variants(self.clamped, self._by_channel):
            runners = self._runners(variant.datapath, variant.change)
            cases = zero_points.cases(
                variant,
                tuple(runners),
                request.method,
                calibration_images=request.calibration_images,
                images=request.limit,
            )
            for case, row in self._run(cases, runners):
                done.append(zero_points.Done(variant, case, row, runners[row.model]))
        rows = zero_points.rows(done, request.method)
        orderings = zero_points.orderings(rows, self._runners(self.datapath))
        return replace(found, zero_points=rows, zero_point_orderings=orderings)

    def _by_channel(self, model: FloatModel, quantizer: str) -> Change:
        """Bridge activations with the codes of a quantizer of reports.bridge_data."""
        names = watched(model.graph)
        sites = {name: each.site for name, each in names.items()}

        def apply(plan: QuantPlan) -> QuantPlan:
            return replanned(plan, sites, observed(model.graph, names, self._calibrating(model)), quantizer)

        return Change(f"bridge activations {quantizer}", apply)

    def schemes(self, found: Bridges) -> Bridges:
        """Whole networks whose bridge activations are symmetric, asymmetric, or searched."""
        request, runners = self.request, self._runners(self.datapath)
        cases = schemes.cases(
            tuple(runners),
            request.method,
            self.bits,
            seeds=request.seeds,
            calibration_images=request.calibration_images,
            images=request.limit,
        )
        rows = tuple(row for _, row in self._run(cases, runners))
        return replace(
            found,
            schemes=rows,
            scheme_orderings=schemes.orderings(rows, runners),
            chosen=schemes.chosen(cases, runners),
        )

    def _runners(
        self, datapath: Datapath, change: Callable[[FloatModel], Change | None] = lambda model: None
    ) -> dict[str, CaseRunner]:
        """One for each model that has bridge blocks, by name."""
        return {
            model.name: CaseRunner(
                model,
                calibration=self.calibration,
                evaluation=self.images,
                datapath=datapath,
                store=self.store,
                progress=self.progress,
                change=change(model),
            )
            for model in self.models
            if find_bridges(model.graph)
        }

    def _run(self, cases: Sequence[Case], runners: dict[str, CaseRunner]) -> list[tuple[Case, AccuracyRow]]:
        """Cases with their rows; without those that are not finished, where nothing is measured."""
        found = run_cases(cases, tuple(runners.values()), measure=self.measure, progress=self.progress, tell=self.tell)
        rows = {row.key: row for row in found}
        keyed = [(case, runners[case.model].keys(case)[1]) for case in cases]
        return [(case, rows[key]) for case, key in keyed if key in rows]


def _checked(request: BridgesRequest, images: int, calibration: int) -> BridgesRequest:
    for option, value, most in (
        ("--limit", request.limit, None),
        ("--seeds", request.seeds, None),
        ("--activation-images", request.activation_images, None),
        ("--calibration-images", request.calibration_images, calibration),
    ):
        if value < 1 or (most is not None and value > most):
            raise BadInput("a number is out of range", where=option, got=value, expected=f"1..{most or ''}")
    for option, names, known in (
        ("--parts", request.parts, PARTS),
        ("--method", (request.method,), schemes.TAKING),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise BadInput("no such choice", where=option, got=", ".join(unknown), expected=", ".join(known))
    return replace(
        request,
        parts=tuple(part for part in PARTS if part in (request.parts or PARTS)),
        limit=min(request.limit, images),
        activation_images=min(request.activation_images, images),
    )
