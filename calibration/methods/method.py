"""What a calibration method is.

A method sees the whole calibration problem (graph, sites, observations, images) once, and answers
with the range to quantize for each group of each site and for each output channel of each weight.
A method that needs gradients or outputs runs the graph itself; one that needs ranges only does not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.observe import Observation
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.sites import Site


@dataclass(frozen=True)
class Range:
    """The real interval that the codes shall cover, low <= high."""

    low: float
    high: float


@dataclass(frozen=True)
class Problem:
    """Everything that a method may look at."""

    graph: FloatGraph
    sites: tuple[Site, ...]
    observations: Mapping[str, Observation]
    images: NDArray[np.uint8]
    options: CalibrationOptions


class Method(ABC):
    """Base of the calibration methods."""

    name: ClassVar[str]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """The range of the values of some channels of a site, which will share one scale.

        symmetric: whether the codes will be symmetric about zero (the range's larger end counts).
        bits: width of the codes.
        """

    @abstractmethod
    def weight_limit(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The magnitude that the largest code of each row stands for; weight [rows, values]."""
