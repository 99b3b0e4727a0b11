"""One model on the evaluation images: its float logits, kept on disk, and quantized networks compared with them."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.chunks import CHUNK, Chunks
from bittrue.workflow.accuracy.measure import Logits, PerImage, float_logits, timed
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel
from bittrue.workflow.accuracy.store import Store, digest
from bittrue.workflow.progress import Progress

SAVE_EVERY_S = 20.0
"""An evaluation that is killed loses this much; one that is interrupted loses a chunk."""

PlacedLogits = Callable[[NDArray[np.uint8], int], NDArray[np.floating]]
"""Images of one chunk [images, 3, H, W] and the place of the first in evaluation order -> logits [images, classes]."""

SPACE = 0.95
"""Of what is free on the disk, for decoded images."""


class Evaluation:
    """Compares networks with one float model, in evaluation order."""

    def __init__(self, model: FloatModel, images: EvaluationImages, store: Store) -> None:
        self.model, self.images, self.store = model, images, store

    def extend(self, key: str, run: Logits, count: int, progress: Progress) -> PerImage:
        """The first `count` images of a network: those kept under `key`, and then the rest, a chunk after another."""
        return self.extend_placed(key, lambda images, _first: run(images), count, progress)

    def extend_placed(self, key: str, run: PlacedLogits, count: int, progress: Progress) -> PerImage:
        """As `extend`, of a network that is told which images it is given."""
        found = kept = self.store.per_image(key)
        saved = time.monotonic()
        try:
            while len(found) < count:
                found = found.followed_by(self._chunk(run, len(found), count))
                progress("", len(found), count)
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self.store.keep_per_image(key, found)
                    kept, saved = found, time.monotonic()
        finally:
            if len(found) > len(kept):
                self.store.keep_per_image(key, found)
        return found.first(count)

    def prepare(self, count: int) -> None:
        """Decode the first images and run the float model on them, where no run before has."""
        for index in range(-(-count // CHUNK)):
            self._float_logits[index]

    def labels(self, count: int) -> NDArray[np.int64] | None:
        """Classes of the first images, where the folder has as many as the model."""
        return self.images.labels_for(self.model.classes, count)

    @cached_property
    def decoded(self) -> Chunks[np.uint8]:
        """The images as the model sees them."""
        return self.images.decoded(self.store, self.model.preprocessing)

    def _chunk(self, run: PlacedLogits, first: int, last: int) -> PerImage:
        """From image `first` to the end of its chunk, or to `last`."""
        index, at = divmod(first, CHUNK)
        rows = slice(at, min(last - index * CHUNK, CHUNK))
        return timed(lambda images: run(images, first), self.decoded[index][rows], self._float_logits[index][rows])

    @cached_property
    def _float_logits(self) -> Chunks[np.float32]:
        """float32 [images, classes]."""
        key = digest(
            {
                "model": self.model.timm_name,
                "weights": self.model.weights_digest,
                "preprocessing": dataclasses.asdict(self.model.preprocessing),
                "images": self.images.digest,
            }
        )
        run = float_logits(self.model.graph)
        return Chunks(
            self.store.folder("float_logits", key),
            len(self.images.paths),
            lambda rows: run(self.decoded[rows.start // CHUNK]).astype(np.float32),
        )


def check_space(store: Store, evaluations: Sequence[Evaluation], images: int) -> None:
    """Refuse to decode so many images for so many models where the disk cannot hold what is missing of them."""
    folders = {each.decoded.folder: each for each in evaluations}  # models of one preprocessing share the images
    needed = sum(
        each.decoded.missing(images) * CHUNK * 3 * each.model.preprocessing.side**2 for each in folders.values()
    )
    store.out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(store.out).free
    if needed > SPACE * free:
        raise BadInput(
            "the decoded images do not fit on this disk",
            where=str(store.out),
            got=f"{free / 1e6:,.0f} MB free",
            expected=f"{needed / 1e6:,.0f} MB for {images} images, and some to spare",
            next_step="choose another --out, or fewer images by --limit",
        )
