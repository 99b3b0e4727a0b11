"""What the tests of the studies share: photographs in class folders, and a study's inputs for the small model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.images import find_images
from bittrue.hw_configs.load import load_datapath
from bittrue.workflow.accuracy.cases import Bits
from bittrue.workflow.accuracy.run import CaseRunner
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel
from bittrue.workflow.accuracy.store import Store
from bittrue.workflow.studies.inputs import Inputs
from bittrue.workflow.studies.request import StudyRequest


def write_photos(folder: Path, count: int, classes: int) -> Path:
    """Class folders of smooth pictures."""
    for index, picture in enumerate(pictures(count, seed=4)):
        (folder / str(index % classes)).mkdir(exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / str(index % classes) / f"{index:03d}.png")
    return folder


def small_inputs(
    request: StudyRequest,
    photos: Path,
    out: Path,
    *,
    measure: bool = True,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Inputs:
    """Of the small model, at W8A8, with photographs for calibration and evaluation."""
    found = find_images(photos)
    runner = CaseRunner(
        FloatModel("small", "small", "w", PREPROCESSING, small_graph),
        calibration=found,
        evaluation=EvaluationImages.of(found),
        datapath=load_datapath("iot_npu"),
        store=Store(out),
        progress=progress,
    )
    return Inputs((runner,), (Bits(8, 8),), request, len(found), measure, progress, lambda line: None)
