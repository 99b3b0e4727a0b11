"""ptq4vit: twin uniform codes and scales by the Hessian-guided metric.

PTQ4ViT (Yuan et al., arXiv 2111.12293). Candidates are linear in [alpha S, beta S], alpha = 0, beta = 1.2, n = 100,
S the largest magnitude's scale: 0.012 i for i = 1..100 (the code: alpha 0.01, and i = 0..99, so that 1.2 S is never
tried). Three rounds, weights first, then activations. The error of a candidate is the squared error of the layer's
output, weighted by the squared gradient. Codes are symmetric; weights have a scale an output channel in convolutions
and one in linear layers, but one each for the parts of a projection that readers tell apart (n_V = 3 for q, k and v).

Behind GELU and SiLU codes are twin uniform: of k bits one is the region, k - 1 the magnitude. Negative values have the
scale D1 = c / 2^(k-1) that just covers the function's minimum -c (SiLU: c = 0.2784645427610738 at x = -1.2784645; GELU:
0.16997124254703522), others D2 = 2^m D1, so that products of both add up in one accumulator behind a shift by m. m is
searched by the same metric. In two's complement the region is the sign: real = D1 * q for q < 0, D1 * (q << m) else. As
an integer tensor that is D1 with codes of k + m bits, of which only the grid's occur (TensorPlan.region_shift): a
program needs a datapath whose MAC takes k + m bits, `paper_ptq4vit`; others refuse it. Twin codes stand where only
convolutions and linear layers read; what is added, pooled or joined first has one scale.

Deviations:
- behind softmax the paper has twin codes too, with D2 = 2^-(k-1) and D1 = D2 / 2^m. There probabilities keep the
  unit's format, u16 in steps of 2^-16: up to m = 9 at 8 bits it holds every value of the twin grid, and more;
- the gradient is that of the model's own labels in expectation. The code takes the divergence of the output from
  itself, whose gradient is rounding noise (calibration/reconstruction/fisher.py);
- matmul operands have one scale, not one a head, which a requantizer of one scale cannot apply; a first layer's input
  is quantized (the code: 32 bits); S is max / (2^(k-1) - 1), not max / (2^(k-1) - 1/2);
- an activation that several layers read is chosen by the sum of their errors, and what no layer reads (softmax and norm
  inputs, residuals, pre-activations, which the paper leaves in float) by the same search at its readers; errors are
  summed over sampled output positions.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.methods.alternating import AlternatingSearch
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.reconstruction.candidates import FACTORS
from bittrue.calibration.reconstruction.search import Metric, squared
from bittrue.calibration.sites import Site

MINIMUM = {"silu": 0.2784645427610738, "gelu": 0.16997124254703522}
"""The magnitude of each function's most negative value."""
CODE_BITS_MAX = 16
"""k + m at most: the widest operand of a packaged datapath's MAC."""
LAYERS = ("conv2d", "linear")


class Ptq4Vit(AlternatingSearch):
    """See the module docstring."""

    name: ClassVar[str] = "ptq4vit"
    factors: ClassVar[NDArray[np.float64]] = FACTORS[::-1]
    rounds: ClassVar[int] = 3
    weight_metric: ClassVar[Metric] = staticmethod(squared)
    tensor_metric: ClassVar[Metric] = staticmethod(squared)

    def candidates(self, site: Site) -> list[TensorPlan]:
        """Twin codes behind SiLU and GELU, else scales."""
        if not self._is_twin(site):
            return super().candidates(site)
        bits = self.problem.bits[site.name]
        return [self.twin(site, shift) for shift in range(CODE_BITS_MAX - bits, -1, -1)]

    def plan(self, site: Site, factor: float) -> TensorPlan:
        """As the base, but for twin codes: the least m that covers the range."""
        if not self._is_twin(site):
            return super().plan(site, factor)
        bits, high = self.problem.bits[site.name], self.problem.seen(site, np.arange(len(site.groups))).high
        plans = [self.twin(site, shift) for shift in range(CODE_BITS_MAX - bits + 1)]
        top = ((1 << (bits - 1)) - 1) * factor
        return next((plan for plan in plans if plan.scale[0] * top * 2**plan.region_shift >= high), plans[-1])

    def twin(self, site: Site, shift: int) -> TensorPlan:
        """Twin uniform codes with m = shift."""
        bits, node = self.problem.bits[site.name], self.problem.graph.by_name[site.name]
        seen = self.problem.seen(site, np.arange(len(site.groups)))
        scale = MINIMUM[node.text("function")] / (1 << (bits - 1))
        return TensorPlan(bits + shift, (scale,), (0,), None, "symmetric", (seen.low,), (seen.high,), shift)

    def rows_together(self, node: Node) -> NDArray[np.int64]:
        """Rows alone in a convolution; in a linear layer the parts that readers tell apart."""
        if node.kind == "conv2d":
            return np.arange(len(self.problem.graph.parameter(node, "weight")))
        return np.array(self.problem.sites[node.name].groups)

    def _is_twin(self, site: Site) -> bool:
        node = self.problem.graph.by_name[site.name]
        behind = node.kind == "function" and node.text("function") in MINIMUM
        readers = self.problem.graph.readers(site.name)
        wide = self.problem.fixed_range(site) is not None
        return behind and not wide and bool(readers) and all(reader.kind in LAYERS for reader in readers)
