"""Accuracy of quantized networks as plain values: tables and figures are made from these alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Arithmetic = Literal["partial", "integer"]
"""partial: weights and inputs of layers and products quantized, softmax, norms, additions and activation functions in
float; measured, and never lowered. integer: a Program on the simulator."""


@dataclass(frozen=True)
class Figures:
    """One quantized network on evaluation images, beside its float model on the same."""

    images: int
    sqnr_db: float
    """Of the logits, pooled over images: golden/fidelity.py."""
    agreement: float
    """Share of images for which both choose the same class; among equal logits the lowest class wins."""
    kl_nats: float
    """Mean over images of KL(softmax(float logits) || softmax(quantized logits))."""
    float_top1: float | None
    """Share classified right; None where the images have no labels for this model's classes."""
    top1: float | None
    calibration_s: float
    peak_memory_bytes: int | None
    """Of the process while it calibrated; None where the system does not say."""
    evaluation_s: float
    """Of the quantized network alone."""

    @property
    def drop_points(self) -> float | None:
        """Top-1 lost, in percentage points."""
        return None if self.top1 is None or self.float_top1 is None else 100 * (self.float_top1 - self.top1)


@dataclass(frozen=True)
class AccuracyRow:
    """One case: what was measured, and the figures or the refusal."""

    table: str
    """"1" partially quantized, "2" integers, "3" ablation; empty in a study."""
    arithmetic: Arithmetic
    model: str
    """Name of the checkpoint."""
    method: str
    step: str
    """Of the ablation: "none", "+bridge", "+granularity", "+scheme"; of the synergy study the options that are on;
    empty elsewhere."""
    activation_bits: float
    weight_bits: float
    mixed: bool
    """Whether these bits are the means of widths chosen by sensitivity."""
    residual_bits: int
    seed: int
    calibration_images: int
    images: int
    datapath: str
    """Empty where partially quantized."""
    key: str
    """Digest of everything that decides the figures."""
    measurement: str
    """Digest of the same but for the number of images: names the figures of single images."""
    figures: Figures | None
    refused: str
    """Why there are no figures, in one line; empty where there are."""

    @property
    def bits(self) -> str:
        """As the literature writes it."""
        return f"W{self.weight_bits:g}A{self.activation_bits:g}{'-mixed' if self.mixed else ''}"

    @property
    def name(self) -> str:
        """The method, and the step of an ablation."""
        return f"{self.method} {self.step}" if self.step else self.method

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        row = {key: value for key, value in asdict(self).items() if key != "figures"}
        figures = dict.fromkeys(Figures.__dataclass_fields__) if self.figures is None else asdict(self.figures)
        figures.pop("images")
        drop = None if self.figures is None else self.figures.drop_points
        return {"bits": self.bits, **row, **figures, "drop_points": drop}


@dataclass(frozen=True)
class Interval:
    """A difference with its 95 % interval."""

    difference: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


@dataclass(frozen=True)
class Ordering:
    """Two methods on the same images, model, bits and seed; differences are first minus second."""

    table: str
    arithmetic: Arithmetic
    model: str
    bits: str
    residual_bits: int
    seed: int
    images: int
    first: str
    second: str
    sqnr_db: Interval
    agreement_points: Interval

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        row = {key: value for key, value in asdict(self).items() if not isinstance(value, dict)}
        for name, interval in (("sqnr_db", self.sqnr_db), ("agreement_points", self.agreement_points)):
            row |= {f"{name}_{key}": value for key, value in asdict(interval).items()}
        return row


@dataclass(frozen=True)
class Accuracy:
    """Everything that was measured."""

    rows: tuple[AccuracyRow, ...]
    orderings: tuple[Ordering, ...]

    def tables(self) -> tuple[tuple[str, Arithmetic], ...]:
        """What there are rows of, in order."""
        return tuple(
            sorted({(row.table, row.arithmetic) for row in self.rows}, key=lambda t: (t[0], t[1] != "partial"))
        )

    def of(self, table: str, arithmetic: Arithmetic) -> tuple[AccuracyRow, ...]:
        """The rows of one table."""
        return tuple(row for row in self.rows if (row.table, row.arithmetic) == (table, arithmetic))
