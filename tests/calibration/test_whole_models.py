"""Models that bittrue was not written for, all the way: export, calibrate, lower, and simulator equal to reference.

With random weights: what is to be shown is that no structure is missing and no integer differs.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from torch import nn

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import Preprocessing, QuantPlan
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BittrueError

SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STEPS = {
    "deit_tiny_patch16_224": {"linear": 49, "matmul": 24, "softmax": 12, "concat": 1, "constant": 2, "conv2d": 1},
    "efficientformer_l1": {"conv2d": 47, "avg_pool2d": 14, "sub": 14, "linear": 5, "constant": 1, "mean": 1},
}
"""Of efficientformer_l1's convolutions 33 are the model's, 14 layer scales; its two heads are one linear layer."""


def lively(name: str) -> nn.Module:
    """A model in which every learned tensor matters: timm starts biases at 0, layer scales at 1e-5, tokens near 0."""
    torch.manual_seed(0)
    module = timm.create_model(name, num_classes=10).eval()
    random = torch.Generator().manual_seed(1)
    for path, values in (*module.named_parameters(), *module.named_buffers()):
        if path.endswith(("running_var", "norm.weight", "norm1.weight", "norm2.weight")):
            values.data.uniform_(0.5, 1.5, generator=random)
        elif path.endswith(("bias", "running_mean", "gamma", "token", "embed", "attention_biases")):
            values.data.normal_(0, 0.2, generator=random)
    return module


def images(count: int) -> NDArray[np.uint8]:
    """Noise in blocks of 4 to 32 pixels: a transformer averages finer noise away."""
    rng = np.random.default_rng(0)
    found = np.zeros((count, 3, SIDE, SIDE))
    for block in (4, 8, 16, 32):
        coarse = rng.integers(0, 64, (count, 3, SIDE // block, SIDE // block))
        found += np.kron(coarse, np.ones((1, 1, block, block)))
    return found.astype(np.uint8)


@pytest.fixture(scope="module", params=STEPS)
def plan(request: pytest.FixtureRequest) -> QuantPlan:
    """The calibrated model, on two images."""
    graph = export_graph(lively(request.param), model=request.param, side=SIDE, mean=MEAN, std=STD)
    preprocessing = Preprocessing(SIDE, "bicubic", 0.9, "center")
    return calibrate_graph(graph, images(2), preprocessing, CalibrationOptions(method="minmax"), {})


def test_a_whole_model(plan: QuantPlan) -> None:
    """Every integer of every tensor is equal, and the integers still compute what the float model computes."""
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    counts = Counter(step.op.name for step in program.steps)
    assert {name: counts[name] for name in STEPS[plan.graph.model]} == STEPS[plan.graph.model]
    image = images(3)[2:]
    found, judged = Simulator(program).run(image).tensors, Reference(program).run(image).tensors
    assert set(found) == set(judged) == set(program.tensors)
    assert sum(int((found[name] != codes).sum()) for name, codes in judged.items()) == 0
    wanted = FloatRunner(plan.graph).logits(image)
    real = program.tensors[program.output].dequantize(found[program.output]).ravel()
    assert 10 * np.log10((wanted**2).sum() / ((real - wanted) ** 2).sum()) > 15


REFUSALS = {
    ("efficientformer_l1", "onnxruntime"): ("stages.0.blocks.0.token_mixer", "does not subtract"),
    ("efficientformer_l1", "tflite_reference"): ("stages.0.blocks.0.token_mixer.pool", "another scale"),
    ("deit_tiny_patch16_224", "ita"): ("blocks.0.mlp.act", "cannot negate"),
    ("efficientformer_l1", "ita"): ("stages.0.blocks.0.mlp.act", "cannot negate"),
}
"""By model and datapath: the step and the words."""


@pytest.mark.parametrize("datapath", ["gemmini", "ita", "onnxruntime", "tflite_reference", "tflite_xnnpack"])
def test_other_datapaths_lower_or_refuse_by_name(plan: QuantPlan, datapath: str) -> None:
    """A datapath that lacks what a model needs says what, and at which step."""
    path = load_datapath(datapath).supplied_by(load_datapath("iot_npu"))
    if (plan.graph.model, datapath) not in REFUSALS:
        lower_plan(plan, path, {})
        return
    where, words = REFUSALS[plan.graph.model, datapath]
    with pytest.raises(BittrueError, match=words) as refusal:
        lower_plan(plan, path, {})
    assert where in refusal.value.where
