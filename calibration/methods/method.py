"""What a calibration method is.

A method sees the whole calibration problem (graph, sites, observations, images) once and answers with everything
that the plan holds of it: how each tensor and each weight is quantized, and what it learned. Methods that only
choose ranges say two functions and leave the rest to RangeMethod.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.bridge import bridge_activations
from bittrue.calibration.granularity import Free, free_channels
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.observe import Observation
from bittrue.calibration.options import CalibrationOptions, Scheme
from bittrue.calibration.plan import TensorPlan, WeightPlan
from bittrue.calibration.quantize import Range, beside, input_range, parts, plan_tensor, plan_weight
from bittrue.calibration.sites import Site
from bittrue.calibration.widths import width

Progress = Callable[[str, int, int], None]
"""(what is being done, how many are done, how many there are)."""

WIDE_BITS = 12
"""Codes from this width on have resolution to spare."""
WIDE_MARGIN = 2.0


@dataclass(frozen=True)
class Problem:
    """Everything that a method may look at."""

    graph: FloatGraph
    sites: Mapping[str, Site]
    """By name, in order of production."""
    observations: Mapping[str, Observation]
    images: NDArray[np.uint8]
    """[images, 3, H, W]."""
    options: CalibrationOptions
    progress: Progress = field(default=lambda what, done, total: None)

    mixed: Mapping[str, int] = field(default_factory=dict)
    """Widths of tensors that differ from the options', by site."""
    mixed_weights: Mapping[str, int] = field(default_factory=dict)
    """Widths of weights that differ from the options', by node."""

    @cached_property
    def bits(self) -> dict[str, int]:
        """Width of every site."""
        by_reader = {name: width(self.graph, site, self.options) for name, site in self.sites.items()}
        return {name: self.mixed.get(name, bits) for name, bits in by_reader.items()}

    @cached_property
    def weight_bits(self) -> dict[str, int]:
        """Width of the weights of every node that has any."""
        weighted = [node.name for node in self.graph.nodes if node.kind in ("conv2d", "linear")]
        return {name: self.mixed_weights.get(name, self.options.weight_bits) for name in weighted}

    @cached_property
    def free(self) -> Free:
        """Where scales a channel are free at run time."""
        return free_channels(self.graph, self.sites)

    @cached_property
    def bridge_activations(self) -> frozenset[str]:
        """What bridge blocks compute with; their scheme may have an option of its own."""
        return frozenset(bridge_activations(self.graph))

    def scheme(self, name: str) -> Scheme:
        """Of a site's codes where no method chooses it."""
        options = self.options
        if options.bridge_scheme != "searched" and name in self.bridge_activations:
            return options.bridge_scheme
        return options.activation_scheme

    def scheme_is_searched(self, name: str) -> bool:
        """Whether a method that can choose a site's scheme may do so."""
        return self.options.mixed_scheme and (
            self.options.bridge_scheme == "searched" or name not in self.bridge_activations
        )

    def fixed_range(self, site: Site) -> Range | None:
        """The range of a tensor that is not searched: the image, which is known without looking, and wide ones.

        Of WIDE_BITS or more, WIDE_MARGIN times what was seen costs nothing and keeps other images from clipping.
        """
        node = self.graph.by_name[site.name]
        if node.kind == "normalize":
            return input_range(node)
        if self.bits[site.name] >= WIDE_BITS:
            return self.seen(site, np.arange(len(site.groups))).times(WIDE_MARGIN)
        return None

    def seen(self, site: Site, channels: NDArray[np.int64], half: int | None = None) -> Range:
        """Smallest and largest value that some channels of a site took.

        half: in the images of even (0) or odd index (1) alone.
        """
        observed = self.observations[site.name]
        low, high = (observed.low, observed.high) if half is None else observed.halves[half]
        return Range(float(low[channels].min()), float(high[channels].max()))


@dataclass(frozen=True)
class Choices:
    """What a method decided; see QuantPlan."""

    graph: FloatGraph
    tensors: Mapping[str, TensorPlan]
    weights: Mapping[str, WeightPlan]
    learned: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


class Method(ABC):
    """Base of the calibration methods."""

    name: ClassVar[str]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def choose(self) -> Choices:
        """Solve the problem."""


class RangeMethod(Method):
    """A method that answers with ranges, for each tensor and each weight alone."""

    @abstractmethod
    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """The range of the values of some channels of a site, which will share one scale.

        symmetric: whether the codes will be symmetric about zero (the range's larger end counts).
        bits: width of the codes.
        """

    @abstractmethod
    def weight_limit(self, weight: NDArray[np.float64], *, bits: int) -> NDArray[np.float64]:
        """The magnitude that the largest code of each row stands for; weight [rows, values].

        bits: width of the codes.
        """

    def choose(self) -> Choices:
        """Granularity and scheme as the options say."""
        tensors = self.tensors()
        return Choices(self.problem.graph, tensors, self.weights(self.problem.graph, tensors))

    def tensors(self) -> dict[str, TensorPlan]:
        """The plan of every site."""
        problem, options = self.problem, self.problem.options
        channelwise = options.activation_granularity == "channel"
        copies = problem.free.copies if channelwise else frozenset()
        tensors: dict[str, TensorPlan] = {}
        for name, site in problem.sites.items():
            if name in copies:
                tensors[name] = beside(problem.graph, problem.graph.by_name[name], tensors)
                continue
            split = parts(
                site,
                channelwise=channelwise and name in problem.free.sites,
                symmetric=problem.scheme(name) == "symmetric",
            )
            chosen = [(part, self._range(site, part[0], symmetric=part[1])) for part in split]
            tensors[name] = plan_tensor(site, problem.bits[name], chosen)
        return tensors

    def weights(self, graph: FloatGraph, tensors: Mapping[str, TensorPlan]) -> dict[str, WeightPlan]:
        """The plan of every weight of a graph whose tensors have these plans."""
        options = self.problem.options
        return {
            node.name: plan_weight(
                graph,
                node,
                partial(self.weight_limit, bits=self.problem.weight_bits[node.name]),
                tensors,
                bits=self.problem.weight_bits[node.name],
                whole=options.weight_granularity == "tensor",
            )
            for node in graph.nodes
            if node.kind in ("conv2d", "linear")
        }

    def _range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool) -> Range:
        known = self.problem.fixed_range(site)
        if known is not None:
            return known
        return self.activation_range(site, channels, symmetric=symmetric, bits=self.problem.bits[site.name])
