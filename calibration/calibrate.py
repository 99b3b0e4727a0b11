"""The whole calibration: float graph and images in, QuantPlan out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.methods import METHODS
from bittrue.calibration.methods.method import Problem
from bittrue.calibration.observe import observe
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import Preprocessing, QuantPlan
from bittrue.calibration.quantize import plan_tensor, plan_weight
from bittrue.calibration.sites import find_sites


def calibrate_graph(
    graph: FloatGraph,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    options: CalibrationOptions,
    provenance: Mapping[str, str],
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> QuantPlan:
    """Observe the graph on images [N, 3, H, W] and choose every scale.

    progress: called after each image with the number done.
    """
    options.check(tuple(METHODS))
    sites = find_sites(graph)
    observations = observe(graph, sites, images, seed=options.seed, progress=progress)
    method = METHODS[options.method](Problem(graph, sites, observations, images, options))
    logits = graph.source(graph.output)
    tensors = {site.name: plan_tensor(site, method, options, is_output=site.name == logits) for site in sites}
    weights = {
        node.name: plan_weight(graph, node, method, options, tensors[graph.source(node.inputs[0])], tensors[node.name])
        for node in graph.nodes
        if node.kind in ("conv2d", "linear")
    }
    return QuantPlan(graph, tensors, weights, preprocessing, dict(provenance))
