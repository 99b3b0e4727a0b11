"""q-hyvit: bridge block reconstruction with a joint search over scale, granularity and scheme.

Q-HyViT, arXiv 2303.12557, algorithm 1: for three iterations, each layer chooses granularity and scheme by equation 6,
then its weight's scale, then its activation's. The error is that of the layer's output, or of the bridge block's,
weighted by the squared gradient. Candidates are equation 4's: alpha = 0, beta = 1.2, 100 steps.

Where the paper leaves room, or is left:
- an activation that several layers read has one quantization, chosen for the sum of their errors; what no weighted
  layer reads (softmax and norm inputs, residuals, pre-activations) is chosen by the same equation at its readers;
- granularity "channel" is a choice only where it is free at run time, by folding (calibration/granularity.py); the
  released code gives it to depthwise inputs only and searches neither granularity nor scheme;
- candidates are judged on images that their ranges did not see: the even images with the ranges of the odd ones and the
  other way round, both errors added. Otherwise no range clips anything in the search, and a scale a channel always
  looks better than it is; the ranges that are kept are those of all images;
- weights have a scale an output channel, each row with its own factor (the released code: for convolutions);
- layers of a bridge block are searched with the block's other layers quantized, so that the search descends on the
  block's error; elsewhere the other layers are float;
- the gradient is that of labels drawn from the model's own output; the released code's is rounding noise outside the
  bridge blocks (docs/calibration.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.graph import Node
from bittrue.calibration.methods.method import Choices, Method, Problem
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import beside, parts, plan_tensor, plan_weight
from bittrue.calibration.reconstruction.candidates import FACTORS, check_distinct
from bittrue.calibration.reconstruction.fisher import Target
from bittrue.calibration.reconstruction.local import WHOLE_IMAGES
from bittrue.calibration.reconstruction.search import Search, capture
from bittrue.calibration.sites import Site

ITERATIONS = 3
HALVES = (0, 1)
SEARCH_IMAGES = 128
"""At most; ranges are those of all images."""


@dataclass(frozen=True)
class SiteChoice:
    """How one tensor is quantized, apart from its bits."""

    channelwise: bool = False
    symmetric: bool = False
    factor: float = 1.0
    """Of the observed range, at both ends."""


class QHyViT(Method):
    """See the module docstring."""

    name: ClassVar[str] = "q-hyvit"
    target: ClassVar[Target] = "labels"
    search_images: ClassVar[int] = SEARCH_IMAGES

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        options = problem.options
        self.copies = problem.free.copies if options.mixed_granularity else frozenset()
        self.chosen = {name: SiteChoice(symmetric=options.activation_scheme == "symmetric") for name in problem.sites}
        self.ties: list[bool] = []

    def choose(self) -> Choices:
        """Run algorithm 1."""
        halves = self.searches()
        steps: list[Callable[[], None]] = [
            *(partial(self.choose_kind, halves, name) for name in self.searched),
            *(partial(self.choose_weight, halves, node) for node in halves[0].weighted),
            *(partial(self.choose_scale, halves, name) for name in self.searched),
        ]
        for done, step in enumerate(steps * ITERATIONS):
            step()
            self.problem.progress("search", done + 1, ITERATIONS * len(steps))
        check_distinct(self.ties, self.problem.graph.model)
        return self.finish(halves[0])

    @property
    def searched(self) -> list[str]:
        """The sites that have anything to choose: not the image, and no concat that copies."""
        problem = self.problem
        return [
            name
            for name, site in problem.sites.items()
            if problem.fixed_range(site) is None and name not in self.copies
        ]

    def searches(self) -> list[Search]:
        """For each half of the images the layers' values and gradients there, and the ranges of the other half."""
        problem, options = self.problem, self.problem.options
        graph, bits = problem.graph, {}
        for node in graph.nodes:
            if node.kind in ("conv2d", "linear"):
                bits[node.name] = options.weight_bits
        order = self.some_images(self.search_images)
        found = []
        for half in HALVES:
            images = torch.from_numpy(problem.images[order[order % 2 == half] if len(problem.images) > 1 else order])
            captured = capture(
                graph,
                problem.sites,
                images,
                find_bridges(graph) if options.bridge else (),
                target=self.target,
                seed=options.seed + half,
                whole=WHOLE_IMAGES // len(HALVES),
                progress=lambda done, half=half: problem.progress(  # type: ignore[misc]
                    "gradients", half * (len(order) // 2) + done, len(order)
                ),
            )
            tensors = {name: self.plan(site, self.chosen[name], 1 - half) for name, site in problem.sites.items()}
            found.append(Search(graph, problem.sites, captured, tensors, bits, copies=self.copies))
        return found

    def some_images(self, count: int) -> NDArray[np.int64]:
        """Indices of at most so many images in random order: on disk they are sorted by class, and parts are taken."""
        order = np.random.default_rng(self.problem.options.seed).permutation(len(self.problem.images))
        even, odd = order[order % 2 == 0], order[order % 2 == 1]
        return np.concatenate([even[: count - count // 2], odd[: count // 2]])

    def plan(self, site: Site, choice: SiteChoice, half: int | None = None) -> TensorPlan:
        """The plan of a site by a choice, with the ranges of all images or of one half."""
        problem = self.problem
        split = parts(site, channelwise=choice.channelwise, symmetric=choice.symmetric)
        known = problem.fixed_range(site)
        ranges = [known or problem.seen(site, channels, half).times(choice.factor) for channels, _ in split]
        return plan_tensor(site, problem.bits[site.name], list(zip(split, ranges, strict=True)))

    def choose_kind(self, halves: list[Search], name: str) -> None:
        """Granularity and scheme, at the current factor."""
        options, site, held = self.problem.options, self.problem.sites[name], self.chosen[name]
        free = options.mixed_granularity and name in self.problem.free.sites
        schemes = (False, True) if options.mixed_scheme and not all(site.symmetric) else (held.symmetric,)
        candidates = [
            SiteChoice(channelwise, symmetric, held.factor)
            for channelwise in ((False, True) if free else (False,))
            for symmetric in schemes
        ]
        self._commit_best(halves, name, candidates)

    def choose_scale(self, halves: list[Search], name: str) -> None:
        """The factor of the range."""
        held = self.chosen[name]
        candidates = [SiteChoice(held.channelwise, held.symmetric, float(factor)) for factor in FACTORS]
        self._commit_best(halves, name, candidates, note=True)

    def choose_weight(self, halves: list[Search], node: Node) -> None:
        """The factor of each row, or of all rows where a block is judged as one."""
        rows = len(halves[0].covered[node.name])
        errors = sum(torch.stack([search.weight_error(node, np.full(rows, f)) for f in FACTORS]) for search in halves)
        assert isinstance(errors, torch.Tensor)
        self.ties.append(bool((errors == errors[0]).all()))
        best = np.broadcast_to(FACTORS[errors.argmin(0).numpy()], (rows,))
        for search in halves:
            search.covered[node.name] = best.copy()
            search.use_weight(node)
            self._refresh(search, node.name)

    def _commit_best(
        self, halves: list[Search], name: str, candidates: list[SiteChoice], *, note: bool = False
    ) -> None:
        site = self.problem.sites[name]
        if len(candidates) == 1:
            return
        errors = [
            sum(search.site_error(name, self.plan(site, candidate, 1 - half)) for half, search in enumerate(halves))
            for candidate in candidates
        ]
        if note:
            self.ties.append(len(set(errors)) == 1)
        self.chosen[name] = candidates[int(np.argmin(errors))]
        for half, search in enumerate(halves):
            search.tensors[name] = self.plan(site, self.chosen[name], 1 - half)
            for reading in search.readings[name]:
                if reading.node.name in search.weight_bits:
                    search.use_weight(reading.node)
                self._refresh(search, reading.node.name)

    def _refresh(self, search: Search, node: str) -> None:
        block = search.block_of.get(node)
        if block is not None:
            search.prepare(block)

    def finish(self, search: Search) -> Choices:
        """The plans of everything, concats that copy included."""
        problem = self.problem
        tensors: dict[str, TensorPlan] = {}
        for name in problem.sites:
            node = problem.graph.by_name[name]
            tensors[name] = (
                beside(problem.graph, node, tensors)
                if name in self.copies
                else self.plan(problem.sites[name], self.chosen[name])
            )
        weights = {}
        for node in search.weighted:
            limit = partial(_share_of_largest, covered=search.covered[node.name])
            weights[node.name] = plan_weight(problem.graph, node, limit, tensors, bits=problem.options.weight_bits)
        return Choices(problem.graph, tensors, weights)


def _share_of_largest(rows: NDArray[np.float64], covered: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(rows).max(axis=1) * covered)
