"""The whole calibration: float graph and images in, QuantPlan out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.methods import METHODS
from bittrue.calibration.methods.method import WIDE_BITS, Problem, Progress
from bittrue.calibration.mixed_bits import mixed_bits
from bittrue.calibration.observe import observe
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import Preprocessing, QuantPlan
from bittrue.calibration.saturation import without_saturated
from bittrue.calibration.sites import find_sites


def silent(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


def calibrate_graph(
    graph: FloatGraph,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    options: CalibrationOptions,
    provenance: Mapping[str, str],
    *,
    progress: Progress = silent,
) -> QuantPlan:
    """Observe the graph on images [N, 3, H, W] and choose every scale.

    progress: called with what is being done, how far it is and how far it goes.
    """
    options.check(tuple(METHODS))
    sites = find_sites(graph)
    observations = observe(
        graph, sites, images, seed=options.seed, progress=lambda done: progress("observe", done, len(images))
    )
    problem = Problem(graph, {site.name: site for site in sites}, observations, images, options, progress)
    mixed = mixed_bits(problem)
    problem = replace(problem, mixed=mixed.tensors, mixed_weights=mixed.weights)
    found = METHODS[options.method](problem).choose()
    tensors = without_saturated(found.graph, problem.sites, found.tensors, wide_bits=WIDE_BITS)
    return QuantPlan(found.graph, tensors, found.weights, preprocessing, dict(provenance), found.learned)
