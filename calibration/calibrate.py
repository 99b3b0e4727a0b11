"""The whole calibration: float graph and images in, QuantPlan out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.layer_bits import LayerBits, with_layer_bits
from bittrue.calibration.methods import METHODS
from bittrue.calibration.methods.method import WIDE_BITS, Problem, Progress
from bittrue.calibration.mixed_bits import mixed_bits
from bittrue.calibration.observe import Observation, observe
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
    layers: Sequence[LayerBits] = (),
    observations: Mapping[str, Observation] | None = None,
    progress: Progress = silent,
) -> QuantPlan:
    """Observe the graph on images [N, 3, H, W] and choose every scale.

    layers: widths of single layers in place of the options'. observations: what `observed` gave for the same graph,
    images and seed, where it was asked before. progress: called with what is being done, how far it is and how far it
    goes.
    """
    options.check(tuple(METHODS))
    if observations is None:
        observations = observed(graph, images, seed=options.seed, progress=progress)
    sites = {site.name: site for site in find_sites(graph)}
    problem = Problem(graph, sites, observations, images, options, progress)
    mixed = with_layer_bits(problem, mixed_bits(problem), layers)
    problem = replace(problem, mixed=mixed.tensors, mixed_weights=mixed.weights)
    found = METHODS[options.method](problem).choose()
    tensors = without_saturated(found.graph, problem.sites, found.tensors, wide_bits=WIDE_BITS)
    return QuantPlan(found.graph, tensors, found.weights, preprocessing, dict(provenance), found.learned)


def observed(
    graph: FloatGraph, images: NDArray[np.uint8], *, seed: int, progress: Progress = silent
) -> dict[str, Observation]:
    """What every site of the graph takes on images [N, 3, H, W]: the same for all methods and widths."""
    return observe(
        graph, find_sites(graph), images, seed=seed, progress=lambda done: progress("observe", done, len(images))
    )
