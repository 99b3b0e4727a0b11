"""What the perturbation study measures, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass

OTHER, BRIDGE = "other", "bridge block"
WEIGHTED = ("conv", "depthwise", "linear")
INPUT, WEIGHT = " input", " weight"
"""Behind one of WEIGHTED."""
KINDS = (
    *(f"{layer}{side}" for layer in WEIGHTED for side in (INPUT, WEIGHT)),
    *("matmul", "softmax input", "norm input", "residual", OTHER, BRIDGE),
)
"""matmul, softmax input, norm input, residual: what products, softmax, norms and additions read; other: what means,
functions and element-wise products read; bridge block: whatever a layer of a bridge block reads, and its weights.
A tensor that several kinds read stands in each. An error of a weight is the same at all positions of its layer's
output, one of an input is not: they are different kinds."""


@dataclass(frozen=True)
class Estimated:
    """One loss: what Eq. 2 says of it and what it is; means over images, in the loss's unit."""

    diagonal: float
    """Eq. 6: the squared gradient weighs squared errors, element by element."""
    full: float
    """Eq. 2: the same with the off-diagonal terms of the same matrix."""
    true: float
    image_correlation: float
    """Spearman's, of the diagonal estimate and the truth over images; NaN where either is constant."""
    above_rounding: bool
    """Whether the truth is well above what float32 arithmetic itself does to the loss."""

    @property
    def ratio(self) -> float:
        """Diagonal estimate over truth."""
        return self.diagonal / self.true

    @property
    def full_ratio(self) -> float:
        """Full estimate over truth."""
        return self.full / self.true


@dataclass(frozen=True)
class PerturbationRow:
    """The quantization error of one tensor or weight times one factor, injected alone into the float network."""

    model: str
    bits: str
    tensor: str
    kinds: tuple[str, ...]
    factor: float
    images: int
    kl: Estimated
    """Cross entropy in expectation over labels from the model's own output, less its value without the error: the
    divergence KL(p || p'), nats."""
    squared: Estimated
    """Squared error of the logits, summed over classes."""
    drawn: float
    """`kl.diagonal` by one drawn label an image, as calibration weighs errors."""
    cross_entropy: float
    """Change of the cross entropy of the model's own first class, nats; may be negative."""

    def loss(self, name: str) -> Estimated:
        """By its name in LOSSES."""
        return self.kl if name == "kl" else self.squared

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        row = {key: value for key, value in asdict(self).items() if not isinstance(value, dict)}
        for name in LOSSES:
            row |= {f"{name}_{key}": value for key, value in asdict(self.loss(name)).items()}
        return row | {"kinds": "; ".join(self.kinds)}


LOSSES = {"kl": "KL divergence", "squared": "squared error of the logits"}
