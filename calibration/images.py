"""Images from disk to the program's uint8 input, with the bytes of timm's evaluation transform.

Folders are ImageFolders (one folder a class, labels by sorted class name) or flat. What cannot be
read is refused by name: a silently skipped image would change what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bittrue.calibration.plan import Preprocessing
from bittrue.calibration.preprocessing import transform
from bittrue.spec.errors import BadInput

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageSet:
    """Paths of images in a fixed order, with class indices where the folder has them."""

    root: Path
    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def choose(self, count: int | None, seed: int) -> ImageSet:
        """`count` images drawn without replacement, spread over classes by chance; None for all.

        Refuses more than there are.
        """
        if count is None or count == len(self):
            return self
        if not 0 < count <= len(self):
            raise BadInput(
                "not that many images",
                where=str(self.root),
                got=f"{count} asked for",
                expected=f"1..{len(self)}",
                next_step="ask for fewer or give a larger folder",
            )
        order = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        labels = None if self.labels is None else tuple(self.labels[i] for i in order)
        return ImageSet(self.root, tuple(self.paths[i] for i in order), labels, self.classes)


def find_images(root: Path) -> ImageSet:
    """List the images of an ImageFolder or a flat folder, or one image file."""
    if root.is_file():
        return ImageSet(root.parent, (root,), None, ())
    if not root.is_dir():
        raise BadInput("no such image folder", where=str(root), next_step="give a folder of images or of class folders")
    flat = sorted(path for path in root.iterdir() if path.suffix.lower() in SUFFIXES)
    if flat:
        return ImageSet(root, tuple(flat), None, ())
    classes = sorted(path.name for path in root.iterdir() if path.is_dir())
    found = [
        (path, index)
        for index, name in enumerate(classes)
        for path in sorted((root / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise BadInput(
            "the folder holds no images",
            where=str(root),
            got=f"{len(classes)} sub-folders without images",
            expected=f"files ending in {', '.join(SUFFIXES)}, in it or in class folders",
            next_step="give the folder that holds the images (for a split, the split's folder)",
        )
    return ImageSet(root, tuple(path for path, _ in found), tuple(index for _, index in found), tuple(classes))


def load_image(path: Path, apply: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """One image as uint8 RGB [1, 3, side, side]; apply: `preprocessing.transform`."""
    try:
        with Image.open(path) as image:
            result = apply(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise BadInput(
            "not a readable image",
            where=str(path),
            got=f"{type(error).__name__}: {error}",
            expected="a JPEG, PNG, BMP, WebP or TIFF photograph",
            next_step="remove or repair the file",
        ) from error
    return result[None]


def load_images(paths: Sequence[Path], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """All images as one array [images, 3, side, side]."""
    apply = transform(preprocessing)
    return np.concatenate([load_image(path, apply) for path in paths])
