"""Photographs for the demo: crops of the pictures that come inside the scikit-image wheel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CALIBRATION = ("coffee.png", "rocket.jpg", "motorcycle_left.png", "ihc.png")
EVALUATION = ("astronaut.png", "chelsea.png", "hubble_deep_field.jpg", "retina.jpg")
"""Other photographs than those that calibrate; all come with scikit-image, whose README names their sources."""
CROPS = 8
"""Of each photograph."""


def write_photographs(folder: Path) -> tuple[Path, Path]:
    """Write the crops as PNG into folder/calibration and folder/evaluation and return both folders.

    Square crops of 40 to 100 % of the shorter side at fixed, scattered places, so that every run sees
    the same pixels.
    """
    import skimage
    from PIL import Image

    data = Path(skimage.__file__).parent / "data"
    random = np.random.default_rng(20260)
    for split, names in (("calibration", CALIBRATION), ("evaluation", EVALUATION)):
        (folder / split).mkdir(parents=True)
        for name in names:
            with Image.open(data / name) as picture:
                photograph = picture.convert("RGB")
            for index in range(CROPS):
                side = int(min(photograph.size) * (1.0 - 0.6 * index / (CROPS - 1)))
                left, top = (int(random.integers(0, size - side + 1)) for size in photograph.size)
                crop = photograph.crop((left, top, left + side, top + side))
                crop.save(folder / split / f"{Path(name).stem}_{index}.png")
    return folder / "calibration", folder / "evaluation"
