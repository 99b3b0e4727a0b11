"""What a study is asked for; plain values, so that the command line needs no PyTorch to say what it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bittrue.workflow.bench_accuracy import MODELS


@dataclass(frozen=True)
class StudyRequest:
    """What all studies share."""

    models: Sequence[str] = MODELS
    """timm's names."""
    bits: Sequence[str] = ("W8A8",)
    limit: int = 1000
    """Images that are evaluated, the first of the evaluation order."""
    preactivation_bits: int = 16
    residual_bits: int = 8
    score_bits: int = 8
    datapath: str | Path = "iot_npu_wide"
    side: int | None = None


@dataclass(frozen=True)
class CalibrationSetRequest(StudyRequest):
    """How much the number and the draw of calibration images decide."""

    counts: Sequence[int] = (8, 32, 64, 128)
    seeds: int = 3
    methods: Sequence[str] = ("q-hyvit", "minmax")
    arithmetic: str = "integer"
    """"integer" or "partial", as in reports/accuracy_data.py."""


@dataclass(frozen=True)
class PerturbationRequest(StudyRequest):
    """How far the second-order estimate follows the true loss."""

    limit: int = 32
    calibration_images: int = 32
    method: str = "minmax"
    seed: int = 0
    factors: Sequence[float] = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
    """Of the quantization error of one tensor."""


@dataclass(frozen=True)
class SynergyRequest(StudyRequest):
    """What bridge, granularity and scheme are worth, alone and together."""

    calibration_images: int = 32
    method: str = "q-hyvit"
    seeds: int = 1
    arithmetic: str = "integer"
    block_images: int = 64
    """For the errors at the ends of bridge blocks."""
