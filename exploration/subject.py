"""What every point of a study is measured on: networks, weights, images, and the folder that keeps what is common.

Travels to workers as plain values; paths must mean the same there (one machine, or a shared file system).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bittrue.spec.errors import BadInput

PRETRAINED = "pretrained"
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Subject:
    """All paths absolute."""

    models: tuple[str, ...]
    """timm's names of every model of the study; empty where there is a plan."""
    weights: str
    side: int | None
    plan: str | None
    images: str | None
    """Evaluation images; None where no objective needs any."""
    count: int
    calibration: str | None
    store: str
    """Plans, decoded images, float logits and measured networks: workflow/accuracy/store.py; prefixes beside them."""
    prefix_bytes: int
    """What kept prefixes may take there (prefix_store.py); 0 where none are kept. Decides no figure."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Subject:
        """Read what `document` wrote."""
        return cls(**{**document, "models": tuple(document["models"])})

    def weights_of(self, model: str) -> Path | None:
        """The checkpoint of a model; None for timm's own."""
        if self.plan is not None:
            return Path(self.plan)
        if self.weights == PRETRAINED:
            return None
        path = Path(self.weights)
        if not path.is_dir():
            return path
        found = sorted(
            each for each in path.glob(f"*{SUFFIX}") if each.stem == model or each.stem.startswith(f"{model}_")
        )
        if len(found) != 1:
            raise BadInput(
                "a study needs one checkpoint of each model",
                where=str(path),
                got=", ".join(each.name for each in found) or f"none of {model}",
                expected=f"one {model}_*{SUFFIX}",
                next_step="give the file itself by --weights, or a folder with one of each model",
            )
        return found[0]

    def identity(self, model: str) -> dict[str, Any]:
        """What decides a figure of a point on that model, beside the design."""
        checkpoint = self.weights_of(model)
        return {
            "weights": PRETRAINED if checkpoint is None else _file_digest(checkpoint, checkpoint.stat().st_mtime_ns),
            "side": self.side,
            "calibration": None if self.plan or not self.calibration else _list_digest(self.calibration),
            "images": None if self.images is None else _list_digest(self.images),
            "count": self.count if self.images else 0,
        }

    def check(self, *, accurate: bool) -> None:
        """Refuse what is missing before anything is measured. accurate: whether images must run."""
        if accurate and self.images is None:
            raise BadInput(
                "an objective of accuracy needs evaluation images",
                where="images.evaluation",
                next_step="name a folder in the sweep file, or give --images DIR",
            )
        if self.plan is None and self.calibration is None:
            raise BadInput(
                "plans are calibrated from images",
                where="images.calibration",
                next_step="name a folder in the sweep file, or give --calibration DIR",
            )
        for model in self.models or ("",):
            checkpoint = self.weights_of(model)
            if checkpoint is not None and not checkpoint.is_file():
                raise BadInput("no such file", where="model", got=str(checkpoint), next_step="give --weights")
        if self.images is not None:
            from bittrue.calibration.images import find_images

            found = len(find_images(Path(self.images)))
            if self.count > found:
                raise BadInput("not that many images", where="images.count", got=self.count, expected=f"1..{found}")


@lru_cache(maxsize=32)
def _file_digest(path: Path, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=8)
def _list_digest(folder: str) -> str:
    """Names and sizes of the images of a folder."""
    from bittrue.calibration.images import find_images

    found = find_images(Path(folder))
    lines = (f"{path.relative_to(found.root).as_posix()} {path.stat().st_size}\n" for path in found.paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
