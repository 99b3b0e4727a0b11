"""What goes into a Program: uint8 images from an array file, an image or a folder, with labels where known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput
from bittrue.spec.files import read_array
from bittrue.spec.program import Program
from bittrue.workflow.extras import need


@dataclass(frozen=True)
class Image:
    """One image ready for a Program."""

    name: str
    """File name relative to its folder, or array file and index."""
    codes: NDArray[np.uint8]
    """uint8 RGB, [1, 3, H, W]."""
    label: int | None


@dataclass(frozen=True)
class Images:
    """Images in a fixed order; files are read as they are iterated over."""

    count: int
    _source: Iterator[Image]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Image]:
        return self._source


def open_images(program: Program, source: Path, *, limit: int | None, seed: int, verb: str) -> Images:
    """Images for a program.

    source: a .npy of uint8 [N, 3, H, W], or (with Pillow installed) an image file, a flat folder or an
    ImageFolder, whose files go through the preprocessing recorded in the program. limit: how many, drawn with
    `seed` from a folder, the first of an array; all where None. Labels are kept where the folder has as
    many classes as the model.
    """
    image = program.tensors[program.input]
    if (image.bits, image.signed) != (8, False) or len(image.shape) != 4 or image.shape[0] != 1:
        raise BadInput(
            "this program's input is no image",
            where=f"tensor {image.name}",
            got=f"{'s' if image.signed else 'u'}{image.bits} {list(image.shape)}",
            expected="u8 [1, channels, height, width]",
            next_step="run it from Python: Simulator(program).run({name: codes})",
        )
    if source.suffix == ".npy":
        return _from_array(program, source, limit)
    need("images", "PIL", verb=f"{verb} --images {source.name}")
    from bittrue.calibration.images import find_images, load_image
    from bittrue.calibration.plan import Preprocessing
    from bittrue.calibration.preprocessing import transform

    if "preprocessing" not in program.provenance:
        raise BadInput(
            "the program does not say how photographs are preprocessed",
            where=str(source),
            next_step="give --images as a .npy of uint8 [N, 3, H, W]",
        )
    try:
        apply = transform(Preprocessing(**json.loads(program.provenance["preprocessing"])))
    except (TypeError, ValueError, KeyError) as error:
        raise BadInput(
            "the program's preprocessing cannot be read",
            got=f"{type(error).__name__}: {error}",
            next_step="lower the plan again, or give --images as a .npy of uint8 [N, 3, H, W]",
        ) from error
    chosen = find_images(source).choose(limit, seed)
    labelled = chosen.labels is not None and len(chosen.classes) == program.tensors[program.output].shape[-1]

    def read() -> Iterator[Image]:
        for index, path in enumerate(chosen.paths):
            label = chosen.labels[index] if labelled and chosen.labels is not None else None
            yield Image(path.relative_to(chosen.root).as_posix(), load_image(path, apply), label)

    return Images(len(chosen), read())


def _from_array(program: Program, source: Path, limit: int | None) -> Images:
    array = read_array(source, "image array")
    spec = program.tensors[program.input]
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1:] != spec.shape[1:] or not len(array):
        raise BadInput(
            "the array holds no images for this program",
            where=str(source),
            got=f"{array.dtype} {list(array.shape)}",
            expected=f"uint8 [N, {', '.join(map(str, spec.shape[1:]))}]",
            next_step="write RGB bytes after resizing and cropping, before any normalization",
        )
    count = len(array) if limit is None else limit
    if not 0 < count <= len(array):
        raise BadInput("not that many images", where=str(source), got=f"{count} asked for", expected=f"1..{len(array)}")
    names = (f"{source.name}[{index}]" for index in range(count))
    return Images(count, (Image(name, np.ascontiguousarray(array[i : i + 1]), None) for i, name in enumerate(names)))
