"""torch.export of an eval-mode module, translated node by node and folded into a FloatGraph."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.aten import ATEN
from bittrue.calibration.frontend.draft import GraphDraft
from bittrue.calibration.frontend.fold_affine import fold_affines
from bittrue.calibration.frontend.fold_scale import fold_scales
from bittrue.calibration.frontend.fuse import fuse_parallel_linears, fuse_weighted_sums
from bittrue.calibration.frontend.translator import Translator
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.spec.errors import Unsupported

IMAGE = "image"
"""Name of the u8 input tensor."""
INPUT = "input"
"""Name of the normalized float input, the first node."""
SIDE_MAX = 4096
"""Pixels; beyond it one attention matrix alone would not fit a machine."""
RELATIVE_ERROR_MAX = 1e-3
"""Of the largest output; folding in float64 leaves some 1e-6."""


def export_graph(
    module: nn.Module, *, model: str, side: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> FloatGraph:
    """Export a module that maps [1, 3, side, side] float32 images to [1, classes] logits.

    mean, std: the model's preprocessing per colour channel, which becomes the first node.
    Raises Unsupported with the op, its module path and the list of supported ops.
    """
    if not 1 <= side <= SIDE_MAX:
        raise Unsupported("the image side is out of range", got=side, expected=f"1..{SIDE_MAX} pixels")
    exported = _exported(module, torch.zeros(1, len(mean), side, side))
    draft = GraphDraft(model, IMAGE, (1, len(mean), side, side))
    draft.add(Node(INPUT, "normalize", (IMAGE,), draft.input_shape, INPUT, {"mean": mean, "std": std}))
    output = Translator(draft, exported, INPUT, ATEN).run()
    fold_scales(draft)
    fold_affines(draft, output)
    fuse_weighted_sums(draft)
    fuse_parallel_linears(draft)
    graph = draft.finish(output)
    _verify(module, graph)
    return graph


def _exported(module: nn.Module, example: torch.Tensor) -> ExportedProgram:
    """Run once, then export: a model may keep what it computes of its parameters, and export must not be the first
    to see it. Raises Unsupported where the model itself refuses the example."""
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            module(example)
        return torch.export.export(module, (example,))
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise Unsupported(
            "the model does not run on images of this side, or cannot be exported",
            got=f"side {example.shape[-1]}: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:300],
            expected="a side that the model takes, and no branches on values",
            next_step="choose the side that the model was made for",
        ) from error
    finally:
        module.train(was_training)


def _verify(module: nn.Module, graph: FloatGraph) -> None:
    """Refuse a graph that does not compute what the module computes, on one random image.

    A net under the translation and the folds: `compare` measures against this graph and could not notice.
    """
    image = np.random.default_rng(0).integers(0, 256, graph.input_shape, dtype=np.uint8)
    runner = FloatRunner(graph)
    values = dict(runner.tensors(image))
    was_training = module.training
    with torch.no_grad():
        expected = module.eval()(values[INPUT]).flatten()
    module.train(was_training)
    found = values[graph.output].flatten()
    largest = float(expected.abs().max())
    error = float((found - expected).abs().max()) if found.shape == expected.shape else math.inf
    if not error <= RELATIVE_ERROR_MAX * max(largest, 1e-6):
        raise Unsupported(
            "the exported graph does not compute what the module computes",
            where=graph.model,
            got=f"an error of {error:.3g} where the largest output is {largest:.3g}",
            expected=f"at most {RELATIVE_ERROR_MAX} of it",
            next_step="please report the model: an op was translated or folded wrongly",
        )
