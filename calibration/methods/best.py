"""best: q-hyvit's search for the logits' error, then weights that make up for what quantization does.

In this order:
1. ranges from all calibration images, as many as there are (up to 1,024): a scale a channel is only as good as the
   rarest value that it saw;
2. algorithm 1 of Q-HyViT, with granularities between a layer and a channel, and with the gradient of a random direction
   of the logits instead of a label's loss, so that the squared error of the logits is what is searched for;
3. a pass through the network that fits and rounds each layer's weights to what its inputs have become
   (reconstruction/compensate.py), once without moving them first and once with a ridge; the variant with the least
   error of the logits on images that the passes did not see is taken, and none of them where plain rounding is best.

Everything is integer arithmetic that the same datapath runs: no operator is added to the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.methods.method import Choices
from bittrue.calibration.methods.q_hyvit import QHyViT
from bittrue.calibration.plan import Preprocessing, QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.compensate import compensate
from bittrue.calibration.reconstruction.fisher import Target

RIDGES = (math.inf, 2.0)
"""Of the passes: round alone, and move weights too (1 to 3 were alike on 128 images, 0.1 fits them too closely)."""
FIT_IMAGES_MAX = 128
"""For the passes: whose feature maps are in memory together."""
HELD_OUT = 4
"""One image in so many, and at most FIT_IMAGES_MAX / HELD_OUT, is held out for the choice between variants."""
AT_ONCE = 8


class Best(QHyViT):
    """See the module docstring."""

    name: ClassVar[str] = "best"
    target: ClassVar[Target] = "probe"
    search_images: ClassVar[int] = 32
    degrees: ClassVar[Sequence[float]] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def choose(self) -> Choices:
        """Search, then compensate."""
        found = super().choose()
        order = self.some_images(FIT_IMAGES_MAX + FIT_IMAGES_MAX // HELD_OUT)
        images = torch.from_numpy(self.problem.images[order])
        held_out = torch.arange(len(images)) % (HELD_OUT + 1) == HELD_OUT
        if not held_out.any():
            return found
        plan = QuantPlan(found.graph, found.tensors, found.weights, Preprocessing(0, "", 1.0, ""), {})
        reference = _logits(BatchRunner(found.graph), images[held_out])
        variants = [found]
        for index, ridge in enumerate(RIDGES):
            learned = compensate(
                plan,
                images[~held_out],
                ridge=ridge,
                progress=lambda done, index=index: self.problem.progress(  # type: ignore[misc]
                    "compensate", index * len(found.graph.nodes) + done, len(RIDGES) * len(found.graph.nodes)
                ),
            )
            variants.append(replace(found, learned=learned))
        errors = [
            float(
                (_logits(QuantizedRunner(replace(plan, learned=v.learned)), images[held_out]) - reference)
                .square()
                .sum()
            )
            for v in variants
        ]
        return variants[int(np.argmin(errors))]


@torch.no_grad()
def _logits(runner: BatchRunner, images: torch.Tensor) -> torch.Tensor:
    change = runner.quantize if isinstance(runner, QuantizedRunner) else (lambda name, value: value)
    parts = [runner.forward(images[i : i + AT_ONCE], change=change) for i in range(0, len(images), AT_ONCE)]
    return torch.cat(parts)
