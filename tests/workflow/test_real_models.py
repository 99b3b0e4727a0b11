"""The main job on real weights and real photographs: both trained models, two sides, every integer equal."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_data import EXAMPLE_WEIGHTS, IMAGENETTE, WEIGHTS, need

from bittrue.workflow import calibrate, compare, lower


def weights_of(model: str) -> Path:
    """The committed checkpoint where there is one, else the shared one."""
    return EXAMPLE_WEIGHTS if model == "mobilevit_xxs" else need(WEIGHTS / f"{model}_imagenette.safetensors")


@pytest.mark.parametrize("side", [256, 192])
@pytest.mark.parametrize("model", ["mobilevit_xxs", "mobilevitv2_050"])
def test_every_integer_of_a_real_model_is_equal(model: str, side: int) -> None:
    """Simulator equals reference on every tensor and every stage; the integers still see what is in the picture."""
    need(IMAGENETTE)
    plan = calibrate(model, weights=str(weights_of(model)), images=IMAGENETTE / "train", side=side, limit=8)
    program = lower(plan)
    staged = compare(program, images=IMAGENETTE / "val", limit=1, stages=True)
    found = compare(program, images=IMAGENETTE / "val", plan=plan, limit=4, seed=1)
    assert staged.verdict.agreed
    assert found.verdict.agreed
    assert found.verdict.tensors_compared == 4 * len(program.tensors)
    assert found.top1 is not None and found.top1.labelled == 4
    assert found.top1.agreed >= 3
    assert found.logits_sqnr_db is not None and found.logits_sqnr_db > 10
