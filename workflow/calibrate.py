"""calibrate: a float timm model and images -> a quantization plan."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan, save_plan
from bittrue.spec.files import check_target
from bittrue.workflow.extras import need_torch
from bittrue.workflow.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_IMAGES = 32
"""Calibration images, as Q-HyViT uses (arXiv 2303.12557)."""


def calibrate(
    model: str,
    *,
    weights: str,
    images: Path,
    out: Path | None = None,
    options: CalibrationOptions | None = None,
    side: int | None = None,
    limit: int | None = DEFAULT_IMAGES,
    progress: Progress = silent,
) -> QuantPlan:
    """Calibrate a timm model on unlabelled images and write the plan to `out`, if given.

    model: timm's name. weights: a .safetensors or .pth file, or "pretrained" (timm downloads). images:
    an ImageFolder, a flat folder or one image. side: image side in pixels that the model takes; the
    model's own where None. limit: how many images, drawn with options.seed; all where None or where
    there are fewer. Raises BittrueError for anything that cannot be used.
    """
    if out is not None:
        check_target(out, images, Path(weights))
    need_torch("calibrate")
    from bittrue.calibration.calibrate import calibrate_graph
    from bittrue.calibration.frontend.export import export_graph
    from bittrue.calibration.images import find_images, load_images
    from bittrue.calibration.methods import METHODS
    from bittrue.calibration.models import load_model

    options = options or CalibrationOptions()
    options.check(tuple(METHODS))
    found = find_images(images)
    chosen = found.choose(None if limit is None else min(limit, len(found)), options.seed)
    loaded = load_model(model, weights, side=side)
    progress("export", 0, 1)
    graph = export_graph(loaded.module, model=model, side=loaded.preprocessing.side, mean=loaded.mean, std=loaded.std)
    progress("export", 1, 1)
    pixels: NDArray[np.uint8] = load_images(chosen.paths, loaded.preprocessing)
    provenance = {
        "model": model,
        "weights": Path(weights).name if weights != "pretrained" else weights,
        "weights_sha256": loaded.weights_digest,
        "images": f"{len(chosen)} of {len(found)} in {images.name}",
        "calibration": json.dumps(dataclasses.asdict(options), sort_keys=True),
        **{name: importlib.metadata.version(name) for name in ("bittrue", "torch", "timm")},
    }
    plan = calibrate_graph(
        graph,
        pixels,
        loaded.preprocessing,
        options,
        provenance,
        progress=progress,
    )
    if out is not None:
        save_plan(plan, out)
    return plan
