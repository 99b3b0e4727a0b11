"""Which networks are measured, and where their weights, plans, programs and images lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.variants import variants
from benchmarks.workspace import ROOT, cache_folder, shared

MODELS = (
    "mobilevit_xxs", "mobilevit_xs", "mobilevit_s", "mobilevitv2_050", "mobilevitv2_075", "mobilevitv2_100",
)  # fmt: skip
"""The six models of the paper (Q-HyViT, arXiv 2303.12557), by timm's names."""
IMAGES = 64
"""Images in an input file, the largest batch."""


@dataclass(frozen=True)
class Network:
    """One program: a model at an image side, lowered for a variant of the datapath."""

    model: str
    side: int = 256
    variant: str = "default"
    """A name of variants.VARIANTS."""

    @property
    def plan(self) -> Path:
        """The calibrated plan; the same for all variants but those that are calibrated for themselves."""
        own = f"_{slug(self.variant)}" if variants()[self.variant].calibrated else ""
        return cache_folder() / f"{weights_of(self.model).stem}_{self.side}{own}_plan.safetensors"

    @property
    def program(self) -> Path:
        """The lowered program."""
        return cache_folder() / f"{weights_of(self.model).stem}_{self.side}_{slug(self.variant)}.safetensors"

    @property
    def images(self) -> Path:
        """uint8 [IMAGES, 3, side, side], photographs."""
        return images_of(self.side)

    @property
    def first_image(self) -> Path:
        """uint8 [1, 3, side, side]."""
        return cache_folder() / f"image_{self.side}.npy"


def images_of(side: int) -> Path:
    """The input of every contestant at that side."""
    return cache_folder() / f"images_{side}.npy"


def slug(text: str) -> str:
    """The text as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def trained_weights(model: str) -> Path | None:
    """Weights that were trained for this project, where they lie here; None: random ones are drawn."""
    name = f"{model}_imagenette.safetensors"
    found = [path for path in (ROOT / "examples" / name, shared() / "weights" / name) if path.is_file()]
    return found[0] if found else None


def weights_of(model: str) -> Path:
    """Trained weights, else timm's initialization with seed 0, which prepare.py writes: speed is the same."""
    return trained_weights(model) or cache_folder() / f"{model}_random.safetensors"
