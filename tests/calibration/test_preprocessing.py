"""Preprocessing: timm's bytes, without timm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from shared_data import IMAGENETTE, need
from timm.data.transforms_factory import create_transform

from bittrue.calibration.images import find_images, load_image
from bittrue.calibration.plan import Preprocessing
from bittrue.calibration.preprocessing import INTERPOLATIONS, transform


def timm_bytes(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """What timm itself makes of an image, [3, side, side]."""
    apply = create_transform(
        input_size=(3, preprocessing.side, preprocessing.side),
        interpolation=preprocessing.interpolation,
        crop_pct=preprocessing.crop_pct,
        crop_mode=preprocessing.crop_mode,
        normalize=False,
    )
    return np.asarray(apply(image))


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.builds(
        Preprocessing,
        side=st.integers(2, 64),
        interpolation=st.sampled_from(INTERPOLATIONS),
        crop_pct=st.sampled_from([0.0, 0.5, 0.875, 0.9, 0.95, 1.0, 1.25]),
        crop_mode=st.sampled_from(["center", "squash", "border", ""]),
    ),
)
def test_every_mode_gives_the_bytes_of_timm(width: int, height: int, preprocessing: Preprocessing) -> None:
    """Any size, aspect, interpolation and crop: also images that are smaller than the crop, and odd differences."""
    image = noise(width, height)
    try:
        wanted = timm_bytes(image, preprocessing)
    except ValueError:  # an aspect that leaves a side without pixels
        with pytest.raises(ValueError):
            transform(preprocessing)(image)
        return
    found = transform(preprocessing)(image)
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
def test_photographs_give_the_bytes_of_timm(crop_mode: str) -> None:
    """The decoded and resized pixels of real JPEG files, as MobileViT has them."""
    photographs = find_images(need(IMAGENETTE) / "val").choose(8, seed=1)
    for side, interpolation, crop_pct in ((256, "bicubic", 0.9), (224, "bilinear", 1.0)):
        preprocessing = Preprocessing(side, interpolation, crop_pct, crop_mode)
        apply = transform(preprocessing)
        for path in photographs.paths:
            with Image.open(path) as image:
                wanted = timm_bytes(image.convert("RGB"), preprocessing)
            np.testing.assert_array_equal(load_image(path, apply)[0], wanted)


def test_an_unknown_interpolation_is_refused_before_any_image() -> None:
    """A program that names none of timm's."""
    with pytest.raises(KeyError):
        transform(Preprocessing(64, "cubic spline", 0.9, "center"))


def test_reading_photographs_imports_no_torch(tmp_path: Path) -> None:
    """Seconds of imports that a run on one photograph does not need."""
    noise(80, 60).save(tmp_path / "photo.png")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from bittrue.calibration.images import load_images\nfrom bittrue.calibration.plan import Preprocessing\n"
        f"photo = Path({str(tmp_path / 'photo.png')!r})\n"
        "assert load_images([photo], Preprocessing(64, 'bicubic', 0.9, 'center')).any()\n"
        "heavy = {'torch', 'torchvision', 'timm'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
