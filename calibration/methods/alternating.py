"""What EasyQuant and PTQ4ViT share: scales from a list of candidates, weights and activations in turn, each judged at
the outputs of the layers that see it.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.methods.method import Choices, Method, Problem
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import parts, plan_tensor, plan_weight
from bittrue.calibration.reconstruction.candidates import check_distinct
from bittrue.calibration.reconstruction.search import Metric, Search, capture
from bittrue.calibration.sites import Site

ROW_MIN = 1e-12
"""A row of zeros counts as this large, as in Search."""


class AlternatingSearch(Method):
    """Rounds of weight scales, then activation scales; layers see float inputs but for their own quantization.

    All activations but the image and wide pre-activations are symmetric with one scale, or one a part that readers
    tell apart; the options' granularities and scheme do not apply.
    """

    factors: ClassVar[NDArray[np.float64]]
    """Of the largest magnitude; falling, so that ties go to the wider range."""
    rounds: ClassVar[int]
    weight_metric: ClassVar[Metric]
    """Gives an error for each output channel."""
    tensor_metric: ClassVar[Metric]

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.ties: list[bool] = []
        self.weight_factors: dict[str, NDArray[np.float64]] = {}
        """Of each set of rows that share a scale."""

    @abstractmethod
    def rows_together(self, node: Node) -> NDArray[np.int64]:
        """For each row of a weight the index of the set that shares a scale, [rows]."""

    def candidates(self, site: Site) -> list[TensorPlan]:
        """The plans to choose from, the widest range first."""
        return [self.plan(site, float(factor)) for factor in self.factors]

    def choose(self) -> Choices:
        """Search until nothing changes, `rounds` times at most."""
        search = self._search()
        sites = [name for name, site in self.problem.sites.items() if self.problem.fixed_range(site) is None]
        candidates = {name: self.candidates(self.problem.sites[name]) for name in sites}
        total, done = self.rounds * (len(sites) + len(search.weighted)), 0
        for _ in range(self.rounds):
            before = (dict(search.tensors), dict(self.weight_factors))
            search.metric = type(self).weight_metric
            for node in search.weighted:
                self._choose_weight(search, node)
                done += 1
                self.problem.progress("search", done, total)
            search.metric = type(self).tensor_metric
            for name in sites:
                self._choose_tensor(search, name, candidates[name])
                done += 1
                self.problem.progress("search", done, total)
            if before[0] == search.tensors and _equal(before[1], self.weight_factors):
                self.problem.progress("search", total, total)
                break
        check_distinct(self.ties, self.problem.graph.model)
        return self._finish(search)

    def plan(self, site: Site, factor: float) -> TensorPlan:
        """The plan of a site whose codes cover a share of what was seen."""
        known = self.problem.fixed_range(site)
        split = parts(site, channelwise=False, symmetric=known is None)
        ranges = [known or self.problem.seen(site, channels).times(factor) for channels, _ in split]
        return plan_tensor(site, self.problem.bits[site.name], list(zip(split, ranges, strict=True)))

    def _search(self) -> Search:
        problem = self.problem
        captured = capture(
            problem.graph,
            problem.sites,
            torch.from_numpy(problem.images),
            (),
            target="labels",
            seed=problem.options.seed,
            progress=lambda done: problem.progress("gradients", done, len(problem.images)),
        )
        tensors = {name: self.plan(site, 1.0) for name, site in problem.sites.items()}
        return Search(problem.graph, problem.sites, captured, tensors, problem.weight_bits)

    def _choose_weight(self, search: Search, node: Node) -> None:
        together = self.rows_together(node)
        rows = np.abs(_float_rows(search, node)).max(axis=1)
        ones = np.ones(together.max() + 1)
        found = []
        for factor in self.factors:
            covered = limits(rows, together, factor * ones) / np.maximum(rows, ROW_MIN)
            errors = search.weight_error(node, covered).double().numpy()
            found.append(np.bincount(together, errors.reshape(-1)))
        errors = np.stack(found)
        self.ties.append(bool((errors == errors[0]).all()))
        self.weight_factors[node.name] = self.factors[errors.argmin(axis=0)]
        search.cover(node, limits(rows, together, self.weight_factors[node.name]) / np.maximum(rows, ROW_MIN))

    def _choose_tensor(self, search: Search, name: str, candidates: list[TensorPlan]) -> None:
        errors = [search.site_error(name, plan) for plan in candidates]
        if search.readings[name]:
            self.ties.append(len(set(errors)) == 1)
        search.tensors[name] = candidates[int(np.argmin(errors))]

    def _finish(self, search: Search) -> Choices:
        graph, weights = self.problem.graph, {}
        for node in search.weighted:
            together, factors = self.rows_together(node), self.weight_factors[node.name]
            weights[node.name] = plan_weight(
                graph,
                node,
                partial(_weight_limits, together=together, factors=factors),
                search.tensors,
                bits=self.problem.weight_bits[node.name],
            )
        return Choices(graph, search.tensors, weights)


def _float_rows(search: Search, node: Node) -> NDArray[np.float64]:
    """A node's float weight [rows, values]."""
    return search.graph.parameter(node, "weight").astype(np.float64).reshape(search.covered[node.name].size, -1)


def limits(rows: NDArray[np.float64], together: NDArray[np.int64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the largest code of each row stands for: its set's factor times the set's largest magnitude, [rows]."""
    largest = np.full(len(factors), ROW_MIN)
    np.maximum.at(largest, together, rows)
    return np.asarray((largest * factors)[together])


def _weight_limits(
    rows: NDArray[np.float64], together: NDArray[np.int64], factors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`limits` of weights [rows, values]."""
    return limits(np.abs(rows).max(axis=1), together, factors)


def _equal(a: dict[str, NDArray[np.float64]], b: dict[str, NDArray[np.float64]]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
