"""percentile: the codes cover all but the outermost values; what lies past clips.

FQ-ViT's observer (arXiv 2111.13824; megvii-research/FQ-ViT, models/ptq/observer/percentile.py): the quantiles
0.99999 and 1 - 0.99999 of a layer's values are the ends of its range. Weights have min-max, as every FQ-ViT weight.

Deviations:
- the quantiles are those of every value of all calibration images, found in a pass of their own (calibration/tails.py;
  the observation's sample of 65,536 values could not tell this quantile from its maximum). FQ-ViT takes the quantile of
  each batch and moves 0.01 of the way from batch to batch, so that its first batch decides;
- with scales a channel (--activation-granularity channel) the quantile is the channel's; the observer refuses these.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.methods.method import Choices, Problem
from bittrue.calibration.methods.minmax import MinMax
from bittrue.calibration.quantize import Range, parts
from bittrue.calibration.sites import Site
from bittrue.calibration.tails import Tails, observe_tails

SHARE = 0.99999


class Percentile(MinMax):
    """See the module docstring."""

    name: ClassVar[str] = "percentile"

    def choose(self) -> Choices:
        """Look at the tails first."""
        channelwise = self.problem.options.activation_granularity == "channel"
        self.tails = tails_of(self.problem, self.problem.free.sites if channelwise else frozenset(), SHARE)
        return super().choose()

    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """Both quantiles; of symmetric codes the larger one counts."""
        return self.tails[site.name, int(channels[0])].quantile(SHARE)


def tails_of(problem: Problem, channelwise: frozenset[str], share: float) -> dict[tuple[str, int], Tails]:
    """The tails of each set of channels that shares a scale, by site and first channel.

    channelwise: sites with a scale a channel.
    """
    wanted = {
        name: (site, [channels for channels, _ in parts(site, channelwise=name in channelwise, symmetric=False)])
        for name, site in problem.sites.items()
        if problem.fixed_range(site) is None
    }
    found = observe_tails(
        problem.graph,
        wanted,
        problem.images,
        share,
        progress=lambda done: problem.progress("tails", done, len(problem.images)),
    )
    return {
        (name, int(channels[0])): tails
        for name, held in found.items()
        for channels, tails in zip(wanted[name][1], held, strict=True)
    }
