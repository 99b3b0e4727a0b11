"""The batched runners against the runner of one image, and against the integers."""

from __future__ import annotations

import numpy as np
import torch
from small_models import pictures, small_graph, small_plan

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.fake_quantize import fake_quantize
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.quantized_run import QuantizedRunner, partially
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator


def test_a_batch_is_its_images() -> None:
    """Every tensor of a batch equals that of each image alone."""
    graph, images = small_graph(), pictures(3)
    names = [node.name for node in graph.nodes]
    with torch.no_grad():
        found = BatchRunner(graph).run({graph.input: torch.from_numpy(images)[:, None]}, graph.nodes, keep=names)
    for index in range(3):
        for name, value in FloatRunner(graph).tensors(images[index : index + 1]):
            torch.testing.assert_close(found[name][index], value, rtol=1e-5, atol=1e-6)


def test_a_part_of_the_graph_runs_on_live_tensors() -> None:
    """Nodes run on what is given, see changes, and nothing else is kept."""
    graph = small_graph()
    node = graph.by_name["norm"]
    x = torch.randn(2, *graph.shape_of(node.inputs[0]))
    found = BatchRunner(graph).run({node.inputs[0]: x}, [node], change=lambda name, v: v * 0, keep=["norm"])
    assert list(found) == ["norm"]
    assert not found["norm"].any()


def test_fake_quantization_rounds_to_even_and_clips() -> None:
    """With one scale and with one a column; the given tensor stays as it was."""
    x = torch.tensor([[0.3, 5.0], [-0.5, -9.0]])
    kept = x.clone()
    one = fake_quantize(x, torch.tensor(0.2), torch.tensor(0.0), -8, 7)
    torch.testing.assert_close(one, torch.tensor([[0.4, 1.4], [-0.4, -1.6]]))  # 1.5 and -2.5 go to 2 and -2
    each = fake_quantize(x, torch.tensor([0.2, 1.0]), torch.tensor([-4.0, 2.0]), -8, 7)
    torch.testing.assert_close(each, torch.tensor([[0.4, 5.0], [-0.4, -9.0]]))
    assert torch.equal(x, kept)


def test_the_quantized_run_follows_the_integers() -> None:
    """On each image the fake-quantized logits are nearer to the integer logits than half of those are to float."""
    plan = small_plan(CalibrationOptions(activation_granularity="channel"))
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    images = pictures(4, seed=3)
    simulator, spec = Simulator(program), program.tensors[program.output]
    integers = np.stack([spec.dequantize(simulator.run(i[None]).tensors[program.output]).reshape(-1) for i in images])
    fake = QuantizedRunner(plan).batch_logits(torch.from_numpy(images)).numpy()
    floats = np.stack([FloatRunner(plan.graph).logits(i[None]) for i in images])
    assert np.square(fake - integers).sum() < np.square(floats - integers).sum() / 4


def test_partial_quantization_leaves_the_vector_unit_in_float() -> None:
    """Only what a layer or a product reads is quantized: not pre-activations, residuals, scores, norm inputs."""
    plan = small_plan()
    operands = {"input", "silu", "silu_1", "silu_2", "norm", "qkv", "context", "adaptive_avg_pool2d"}
    assert partially(plan) == operands
