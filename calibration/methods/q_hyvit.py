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
- of the 100 candidates 19 are tried, from coarse to fine, and nothing is chosen twice by the same errors
  (reconstruction/candidates.py, reconstruction/settled.py);
- weights have a scale an output channel, each row with its own factor (the released code: for convolutions);
- layers of a bridge block are searched with the block's other layers quantized, so that the search descends on the
  block's error; elsewhere the other layers are float;
- the gradient is that of the model's own labels, in expectation (reconstruction/fisher.py); the released code's is
  rounding noise outside the bridge blocks (docs/calibration.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.graph import Node
from bittrue.calibration.methods.method import Choices, Method, Problem
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import beside, parts, plan_tensor, plan_weight, towards_widest
from bittrue.calibration.reconstruction.candidates import FACTORS, check_distinct, lowest
from bittrue.calibration.reconstruction.fisher import Target
from bittrue.calibration.reconstruction.local import WHOLE_IMAGES
from bittrue.calibration.reconstruction.search import Search, capture
from bittrue.calibration.reconstruction.settled import Settled
from bittrue.calibration.sites import Site

ITERATIONS = 3
HALVES = (0, 1)
SEARCH_IMAGES = 128
"""At most; ranges are those of all images."""


@dataclass(frozen=True)
class SiteChoice:
    """How one tensor is quantized, apart from its bits."""

    channelwise: float = 0.0
    """0: one scale; 1: each channel the scale of its own range; between, the geometric mean of both, so weighted."""
    symmetric: bool = False
    factor: float = 1.0
    """Of the observed range, at both ends."""


class QHyViT(Method):
    """See the module docstring."""

    name: ClassVar[str] = "q-hyvit"
    target: ClassVar[Target] = "labels"
    search_images: ClassVar[int] = SEARCH_IMAGES
    degrees: ClassVar[Sequence[float]] = (0.0, 1.0)
    """Of granularity, to choose from."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        options = problem.options
        self.copies = problem.free.copies if options.mixed_granularity else frozenset()
        self.chosen = {name: SiteChoice(symmetric=problem.scheme(name) == "symmetric") for name in problem.sites}
        self.ties: list[bool] = []
        self.settled = Settled()

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
        graph = problem.graph
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
            found.append(Search(graph, problem.sites, captured, tensors, problem.weight_bits, copies=self.copies))
        return found

    def some_images(self, count: int) -> NDArray[np.int64]:
        """Indices of at most so many images in random order: on disk they are sorted by class, and parts are taken."""
        order = np.random.default_rng(self.problem.options.seed).permutation(len(self.problem.images))
        even, odd = order[order % 2 == 0], order[order % 2 == 1]
        return np.concatenate([even[: count - count // 2], odd[: count // 2]])

    def plan(self, site: Site, choice: SiteChoice, half: int | None = None) -> TensorPlan:
        """The plan of a site by a choice, with the ranges of all images or of one half."""
        problem = self.problem
        split = parts(site, channelwise=choice.channelwise > 0, symmetric=choice.symmetric)
        known = problem.fixed_range(site)
        ranges = [known or problem.seen(site, channels, half).times(choice.factor) for channels, _ in split]
        if 0 < choice.channelwise < 1:
            ranges = towards_widest(ranges, choice.channelwise)
        return plan_tensor(site, problem.bits[site.name], list(zip(split, ranges, strict=True)))

    def choose_kind(self, halves: list[Search], name: str) -> None:
        """Granularity and scheme, at the current factor."""
        options, site, held = self.problem.options, self.problem.sites[name], self.chosen[name]
        free = options.mixed_granularity and name in self.problem.free.sites
        searched = self.problem.scheme_is_searched(name) and not all(site.symmetric)
        schemes = (False, True) if searched else (held.symmetric,)
        candidates = [
            SiteChoice(degree, symmetric, held.factor)
            for degree in (self.degrees if free else (0.0,))
            for symmetric in schemes
        ]
        readers = halves[0].readers_of(name)
        if len(candidates) > 1 and not self.settled("kind", name, readers):
            errors = [self._site_error(halves, name, candidate) for candidate in candidates]
            self._commit(halves, name, candidates[int(np.argmin(errors))])
            self.settled.settle("kind", name, readers)

    def choose_scale(self, halves: list[Search], name: str) -> None:
        """The factor of the range."""
        readers = halves[0].readers_of(name)
        if self.settled("scale", name, readers):
            return
        held = self.chosen[name]

        def errors(index: NDArray[np.int64]) -> NDArray[np.float64]:
            return np.array([self._site_error(halves, name, replace(held, factor=float(FACTORS[index[0]])))])

        best, tied = lowest(errors)
        self.ties.append(tied)
        self._commit(halves, name, replace(held, factor=float(FACTORS[best[0]])))
        self.settled.settle("scale", name, readers)

    def choose_weight(self, halves: list[Search], node: Node) -> None:
        """The factor of each row, or of all rows where a block is judged as one."""
        if self.settled("weight", node.name, [node.name]):
            return
        rows = len(halves[0].covered[node.name])

        def errors(index: NDArray[np.int64]) -> NDArray[np.float64]:
            covered = np.broadcast_to(FACTORS[index], (rows,)).copy()
            return np.asarray(sum(search.weight_error(node, covered).double().numpy() for search in halves))

        best, tied = lowest(errors, 1 if node.name in halves[0].block_of else rows)
        self.ties.append(tied)
        covered = np.broadcast_to(FACTORS[best], (rows,)).copy()
        if not np.array_equal(covered, halves[0].covered[node.name]):
            for search in halves:
                search.cover(node, covered)
            self._changed(halves, [node.name])
        self.settled.settle("weight", node.name, [node.name])

    def _site_error(self, halves: list[Search], name: str, choice: SiteChoice) -> float:
        site = self.problem.sites[name]
        return sum(search.site_error(name, self.plan(site, choice, 1 - half)) for half, search in enumerate(halves))

    def _commit(self, halves: list[Search], name: str, choice: SiteChoice) -> None:
        if choice == self.chosen[name]:
            return
        self.chosen[name] = choice
        for half, search in enumerate(halves):
            search.tensors[name] = self.plan(self.problem.sites[name], choice, 1 - half)
            for reading in search.readings[name]:
                if reading.node.name in search.weight_bits:
                    search.use_weight(reading.node)
        self._changed(halves, halves[0].readers_of(name))

    def _changed(self, halves: list[Search], nodes: list[str]) -> None:
        """Note that what these nodes see has changed, and with it the errors of their blocks."""
        touched = set(nodes)
        for search in halves:
            for block in {id(b): b for b in (search.block_of.get(node) for node in nodes) if b is not None}.values():
                search.prepare(block)
                touched |= {node.name for node in block.nodes}
        self.settled.change(touched)

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
            weights[node.name] = plan_weight(problem.graph, node, limit, tensors, bits=problem.weight_bits[node.name])
        return Choices(problem.graph, tensors, weights)


def _share_of_largest(rows: NDArray[np.float64], covered: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(rows).max(axis=1) * covered)
