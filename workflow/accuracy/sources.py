"""Where cases come from: trained models, calibration images, evaluation images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.images import ImageSet, load_images
from bittrue.calibration.models import PRETRAINED, load_model
from bittrue.calibration.plan import Preprocessing
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.chunks import Chunks
from bittrue.workflow.accuracy.store import Store, digest

EVALUATION_SEED = 0
"""Orders the evaluation images; a longer evaluation has the images of a shorter one and more."""


@dataclass(frozen=True)
class FloatModel:
    """A trained model, exported when first needed."""

    name: str
    """Of the checkpoint, unique in a run."""
    timm_name: str
    weights_digest: str
    preprocessing: Preprocessing
    export: Callable[[], FloatGraph]

    @cached_property
    def graph(self) -> FloatGraph:
        """The float graph."""
        return self.export()

    @property
    def classes(self) -> int:
        """How many the model tells apart."""
        return int(np.prod(self.graph.shape_of(self.graph.output)))


def float_models(names: Sequence[str], weights: str, *, side: int | None = None) -> tuple[FloatModel, ...]:
    """Load timm models. weights: a folder, of which every NAME.* and NAME_* is taken, one file, or "pretrained".

    Raises BadInput for an unknown model and for one without weights.
    """
    found = [(name, file) for name in names for file in _checkpoints(name, weights)]
    several = {name for name in names if sum(other == name for other, _ in found) > 1}
    models = []
    for name, file in found:
        loaded = load_model(name, file, side=side)
        export = partial(
            export_graph,
            loaded.module,
            model=name,
            side=loaded.preprocessing.side,
            mean=loaded.mean,
            std=loaded.std,
        )
        label = Path(file).stem if name in several else name
        models.append(FloatModel(label, name, loaded.weights_digest, loaded.preprocessing, export))
    return tuple(models)


def _checkpoints(name: str, weights: str) -> list[str]:
    folder = Path(weights)
    if weights == PRETRAINED or not folder.is_dir():
        return [weights]
    found = sorted(path for path in folder.glob("*.safetensors") if path.stem == name or _is_of(path.stem, name))
    if not found:
        there = ", ".join(sorted(path.name for path in folder.glob("*.safetensors"))) or "none"
        raise BadInput(
            "the folder has no weights of a model",
            where=str(folder),
            got=there,
            expected=f"{name}_*.safetensors",
            next_step="name other --models, or give the folder that has them",
        )
    return [str(path) for path in found]


def _is_of(stem: str, name: str) -> bool:
    return stem.startswith(f"{name}_")


def list_digest(root: Path, paths: Sequence[Path]) -> str:
    """Of a list of images: their names below the root and their sizes in bytes, in order."""
    return digest({"images": [[path.relative_to(root).as_posix(), path.stat().st_size] for path in paths]})


@dataclass(frozen=True)
class EvaluationImages:
    """All images of a folder in evaluation order."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: int
    """Class folders."""
    digest: str

    @classmethod
    def of(cls, found: ImageSet) -> EvaluationImages:
        """Put the images of a folder into evaluation order: the first n are those that ImageSet.choose draws."""
        order = np.random.default_rng(EVALUATION_SEED).permutation(len(found))
        paths = tuple(found.paths[i] for i in order)
        labels = None if found.labels is None else tuple(found.labels[i] for i in order)
        return cls(paths, labels, len(found.classes), list_digest(found.root, paths))

    def labels_for(self, classes: int, count: int) -> NDArray[np.int64] | None:
        """Of the first images, where the folder has as many classes as the model."""
        return np.array(self.labels[:count]) if self.labels is not None and self.classes == classes else None

    def decoded(self, store: Store, preprocessing: Preprocessing) -> Chunks[np.uint8]:
        """The images as a model with this preprocessing sees them, uint8 [images, 3, side, side], kept on disk."""
        key = digest({"images": self.digest, "preprocessing": dataclasses.asdict(preprocessing)})
        return Chunks(
            store.folder("images", key),
            len(self.paths),
            lambda rows: load_images(self.paths[rows], preprocessing),
        )
