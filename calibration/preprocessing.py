"""timm's evaluation transform with Pillow alone: a photograph to the uint8 input of a program, the same bytes.

timm and PyTorch take seconds to import, and whoever runs a program on a photograph needs nothing else of them.
Source: timm 1.0, `timm.data.transforms_factory.transforms_imagenet_eval` without the normalization, which is the
program's first step, over torchvision's resize and crop of Pillow images. tests/calibration/test_preprocessing.py
compares every byte with timm's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bittrue.calibration.plan import Preprocessing

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")
"""As timm names them; a newer Pillow has more."""
BORDER = (124, 116, 104)
"""Around an image that keeps its aspect: ImageNet's mean colour in bytes, whatever mean the model has."""
DEFAULT_CROP = 0.875
"""What timm takes for a crop of 0."""


def transform(preprocessing: Preprocessing) -> Callable[[Image.Image], NDArray[np.uint8]]:
    """From an RGB photograph of any size to uint8 [3, side, side]. Raises KeyError for an unknown interpolation."""
    resampling = {name: Image.Resampling[name.upper()] for name in INTERPOLATIONS}[preprocessing.interpolation]
    side, mode = preprocessing.side, preprocessing.crop_mode
    scaled = math.floor(side / (preprocessing.crop_pct or DEFAULT_CROP))

    def apply(photograph: Image.Image) -> NDArray[np.uint8]:
        size = _size(photograph.size, scaled, mode)
        resized = photograph if size == photograph.size else photograph.resize(size, resampling)
        cropped = _centre(resized, side, BORDER if mode == "border" else (0, 0, 0))
        return np.ascontiguousarray(np.asarray(cropped).transpose(2, 0, 1))

    return apply


def _size(size: tuple[int, int], scaled: int, mode: str) -> tuple[int, int]:
    """(width, height) after resizing: both sides `scaled` (squash), else the longer one (border) or the shorter one."""
    width, height = size
    if mode == "squash":
        return scaled, scaled
    if mode == "border":
        ratio = max(height / scaled, width / scaled)
        return round(width / ratio), round(height / ratio)
    longer = int(scaled * max(size) / min(size))
    return (scaled, longer) if width <= height else (longer, scaled)


def _centre(image: Image.Image, side: int, border: tuple[int, int, int]) -> Image.Image:
    """The middle side x side pixels; what the image lacks is `border`, of an odd number one more right and below.

    Of an odd number to cut away, half is rounded to even, as Python rounds.
    """
    lacking = [max(side - have, 0) for have in image.size]
    if any(lacking):
        padded = Image.new("RGB", (image.width + lacking[0], image.height + lacking[1]), border)
        padded.paste(image, (lacking[0] // 2, lacking[1] // 2))
        image = padded
    left, top = (round((have - side) / 2) for have in image.size)
    return image.crop((left, top, left + side, top + side))
