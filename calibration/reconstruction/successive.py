"""Successive rounding: weights rounded one column after another, the rest making up for each error.

For rows w of a layer and the covariance H of its inputs, rounding column k of w leaves an error that the columns not
yet rounded compensate in the least squares sense (Optimal Brain Quantization, Frantar et al., arXiv 2208.11580,
equation 3; in the order and with the Cholesky form of GPTQ, arXiv 2210.17323, algorithm 1). Columns go in descending
order of their inputs' variance. float64 throughout: the result must not depend on how a library sums.
"""

from __future__ import annotations

import torch

DAMPING = 0.01
"""Of the mean variance, added to H: what keeps directions that the images never took from being used."""


def damped(covariance: torch.Tensor, share: float = DAMPING) -> torch.Tensor:
    """[groups, K, K] with a share of its mean diagonal, at least something, added to the diagonal."""
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    extra = share * diagonal.mean(1).clamp_min(1e-12)
    return covariance + torch.eye(covariance.shape[1], dtype=covariance.dtype) * extra[:, None, None]


def round_successively(weight: torch.Tensor, covariance: torch.Tensor, scale: torch.Tensor, top: int) -> torch.Tensor:
    """Integer codes of weights [groups, rows, K], as float64 of the same shape, within +/-top.

    covariance: of the inputs, [groups, K, K], positive definite. scale: [groups, rows], of the rows' codes.
    """
    order = covariance.diagonal(dim1=1, dim2=2).argsort(1, descending=True)
    count, rows, width = weight.shape
    columns = order[:, None, :].expand(count, rows, width)
    held = weight.gather(2, columns).clone()
    arranged = covariance.gather(1, order[:, :, None].expand(-1, -1, width)).gather(
        2, order[:, None, :].expand(-1, width, -1)
    )
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(arranged))
    factor = torch.linalg.cholesky(inverse, upper=True)
    codes = torch.empty_like(held)
    for k in range(width):
        codes[:, :, k] = torch.clamp(torch.round(held[:, :, k] / scale), -top, top)
        error = (held[:, :, k] - codes[:, :, k] * scale) / factor[:, k, k, None]
        held[:, :, k:] -= error[:, :, None] * factor[:, k, None, k:]
    return torch.empty_like(codes).scatter_(2, columns, codes)
