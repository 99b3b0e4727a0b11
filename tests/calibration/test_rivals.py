"""The rival methods: each does what its paper says where a small network can show it, and every method's program runs
alike on both sides."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from op_datapaths import datapath
from small_models import PREPROCESSING, pictures, small_graph
from torch import nn

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.methods import METHODS
from bittrue.calibration.methods.easyquant import channel_cosine, flat_cosine
from bittrue.calibration.methods.fq_vit import errors_of
from bittrue.calibration.methods.percentile import SHARE
from bittrue.calibration.methods.ptq4vit import MINIMUM
from bittrue.calibration.options import METHOD_NAMES, CalibrationOptions
from bittrue.calibration.plan import QuantPlan, TensorPlan, load_plan, save_plan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.program import Program

UNITS = {"fq-vit": "paper_fq_vit", "ptq4vit": "paper_ptq4vit"}
"""Datapaths of methods that need units of their own."""


class Stream(nn.Module):
    """A convolution to tokens and one residual block of norm and linear layer, with a norm behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=16, padding=1)
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.mix, self.head = nn.Linear(8, 8), nn.Linear(8, 5)
        with torch.no_grad():  # channels of very different ranges
            self.stem.weight *= torch.tensor([1, 1, 2, 4, 8, 16, 32, 64.0])[:, None, None, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        tokens = tokens + self.mix(self.norm1(tokens))
        return self.head(self.norm2(tokens).transpose(1, 2).reshape(1, 8, 4, 4).mean((2, 3)))


@cache
def stream_graph() -> FloatGraph:
    torch.manual_seed(1)
    return export_graph(Stream().eval(), model="stream", side=64, mean=(0.0,) * 3, std=(1.0,) * 3)


@cache
def loud_graph() -> FloatGraph:
    """`Small` with activations that leave the flat middle of SiLU."""
    graph = small_graph()
    loud = {
        name: array * (12 if name.split("/")[0] in ("expand", "depthwise") else 1)
        for name, array in graph.parameters.items()
    }
    return dataclasses.replace(graph, parameters={k: v.astype(np.float32) for k, v in loud.items()})


@cache
def plan_of(method: str, model: str = "small", **options: object) -> QuantPlan:
    graph = {"small": small_graph, "stream": stream_graph, "loud": loud_graph}[model]()
    return calibrate_graph(graph, pictures(4), PREPROCESSING, CalibrationOptions(method=method, **options), {})  # type: ignore[arg-type]


def assert_both_sides_agree(program: Program) -> None:
    for image in pictures(2, seed=5):
        fast = Simulator(program).run(image[None]).tensors
        for name, codes in Reference(program).run(image[None]).tensors.items():
            assert np.array_equal(fast[name], codes), name


@pytest.mark.parametrize("model", ["loud", "stream"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_program_that_runs_alike_on_both_sides(method: str, model: str) -> None:
    """Simulator and reference agree in every tensor, on the datapath that has the method's units."""
    path = load_datapath(UNITS.get(method, "iot_npu"))
    assert_both_sides_agree(lower_plan(plan_of(method, model), path, {}))


def test_the_names_are_those_of_the_methods() -> None:
    """The list that the command line shows without importing torch."""
    assert tuple(METHODS) == METHOD_NAMES


def test_percentile_takes_the_quantiles_of_all_values() -> None:
    """Of every value of all images, as numpy has them; not those of the sample."""
    plan, values = plan_of("percentile"), {}
    for index in range(4):
        for name, tensor in FloatRunner(small_graph()).tensors(pictures(4)[index : index + 1]):
            values.setdefault(name, []).append(tensor.numpy().ravel())
    for name in ("stem", "silu_1", "add", "norm"):
        everything = np.concatenate(values[name]).astype(np.float64)
        assert plan.tensors[name].low == pytest.approx([np.quantile(everything, 1 - SHARE)], rel=1e-6)
        assert plan.tensors[name].high == pytest.approx([np.quantile(everything, SHARE)], rel=1e-6)
        assert plan.tensors[name].high[0] < everything.max()


def test_cosines_are_those_of_vectors() -> None:
    """A channel's against numpy's quotient; a common gain costs nothing; zeros have no direction."""
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.normal(size=(50, 4)).astype(np.float32)) for _ in range(2))
    found = channel_cosine(a, b, a).numpy()
    for channel in range(4):
        x, y = a[:, channel].double().numpy(), b[:, channel].double().numpy()
        assert found[channel] == pytest.approx(1 - x @ y / np.sqrt((x @ x) * (y @ y)))
    x, y = a.double().numpy().ravel(), b.double().numpy().ravel()
    assert flat_cosine(a, b, a).numpy() == pytest.approx([1 - x @ y / np.sqrt((x @ x) * (y @ y))])
    assert flat_cosine(a * 3, a, a).item() == pytest.approx(0, abs=1e-12)
    assert channel_cosine(a * 0, b, a).numpy() == pytest.approx(np.full(4, 0.5))


def test_easyquant_keeps_within_its_candidates() -> None:
    """Symmetric, and no scale below half or above 1.2 times the largest magnitude's; some are chosen, not all 1.2."""
    plan, shares = plan_of("easyquant", "loud"), set()
    for name, tensor in plan.tensors.items():
        if loud_graph().by_name[name].kind == "normalize" or tensor.bits == 16:
            continue
        seen = plan_of("minmax", "loud").tensors[name]
        for group, scale in enumerate(tensor.scale):
            at = group if len(seen.scale) > 1 else 0
            share = scale * 127 / max(-seen.low[at], seen.high[at])
            shares.add(round(share, 3))
            assert 0.507 - 1e-9 <= share <= 1.2 + 1e-9
        assert not any(tensor.zero_point)
    assert len(shares) > 3


def test_repq_moves_channel_ranges_into_the_next_layer() -> None:
    """The norm's output has a scale a channel, no zero point and a range that fills the codes; the function is kept."""
    plan, graph = plan_of("repq"), small_graph()
    norm = plan.tensors["norm"]
    assert len(set(norm.scale)) == 8 and not any(norm.zero_point)
    for scale, low, high in zip(norm.scale, norm.low, norm.high, strict=True):
        assert low / scale == pytest.approx(-128) and high / scale == pytest.approx(127)
    beta = graph.parameters["norm/beta"] - plan.graph.parameters["norm/beta"]
    bias = graph.parameters["qkv/bias"] + graph.parameters["qkv/weight"].astype(np.float64) @ beta
    assert np.abs(beta).max() > 0
    assert plan.graph.parameters["qkv/bias"] == pytest.approx(bias, abs=1e-6)
    images = torch.from_numpy(pictures(3, seed=7))
    before, after = (BatchRunner(held).forward(images).detach().numpy() for held in (graph, plan.graph))
    assert after == pytest.approx(before, abs=1e-5)
    assert not any(plan.tensors[name].axis for name in plan.tensors if name not in ("norm", "qkv"))


def test_power_of_two_factors_are_the_best_and_shared_along_a_stream() -> None:
    """k in 0..3 over one base and one zero point, least squared error a channel, one set for all tensors that add."""
    plan, base = plan_of("fq-vit", "stream"), plan_of("minmax", "stream")
    stream = [name for name in plan.tensors if plan.tensors[name] != base.tensors[name]]
    assert {stream_graph().by_name[name].kind for name in stream} == {"conv2d", "linear", "add"}
    chosen = set()
    for name in stream:
        held, whole = plan.tensors[name], base.tensors[name]
        assert held.zero_point == whole.zero_point * 8
        chosen.add(tuple(scale / whole.scale[0] for scale in held.scale))
    (shares,) = chosen
    assert set(shares) <= {0.125, 0.25, 0.5, 1.0} and len(set(shares)) > 1
    # A sample with three outliers in channel 1: its own best factor by hand.
    sample = np.array([[0.1, -0.1, 0.05], [0.1, 1.0, -1.0]], np.float32)
    tensor = TensorPlan(8, (1 / 127,), (0,), None, "asymmetric", (-1.0,), (1.0,))
    errors = np.stack([errors_of(sample, tensor, share) for share in (0.125, 0.25, 0.5, 1.0)])
    assert errors[:, 1].argmin() == 3
    assert errors[0, 1] == pytest.approx(2 * (1 - 128 / 127 / 8) ** 2, rel=0.1)


def test_factors_are_never_dropped_in_silence() -> None:
    """A datapath whose norm has no factors gets one scale for all tensors of the stream, and lists each."""
    plan = plan_of("fq-vit", "stream")
    stream = {name for name, tensor in plan.tensors.items() if tensor.axis is not None}
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    assert stream <= set(json.loads(program.provenance["scales_changed"]))
    assert all(program.tensors[name].axis is None for name in stream)
    assert_both_sides_agree(program)


def twins(plan: QuantPlan) -> dict[str, TensorPlan]:
    return {name: tensor for name, tensor in plan.tensors.items() if tensor.region_shift}


def test_twin_codes_are_a_sign_and_two_scales() -> None:
    """Behind SiLU in front of layers: D1 covers the minimum, and of the wide code only the grid's values occur."""
    plan = plan_of("ptq4vit", "loud")
    found = twins(plan)
    assert set(found) == {"silu_1", "silu_2"}  # what "silu" gives is added as well
    program = lower_plan(plan, load_datapath("paper_ptq4vit"), {})
    for name, tensor in found.items():
        assert tensor.scale == (MINIMUM["silu"] / 128,)
        assert tensor.bits == 8 + tensor.region_shift
        table = program.constants[f"{name}/table"].astype(np.int64)
        assert table.min() >= -128 and table.max() <= 127 << tensor.region_shift
        assert (table.min() < 0) and not (table[table > 0] % (1 << tensor.region_shift)).any()
        reals = torch.linspace(-0.27, 3.0, 500)[None]
        codes = fake_quantize_like(reals, tensor).double().numpy() / tensor.scale[0]
        assert np.abs(codes - np.rint(codes)).max() < 1e-3
        coarse, fine = tensor.scale[0] * (1 << tensor.region_shift), tensor.scale[0]
        error = np.abs(codes * tensor.scale[0] - reals.numpy())
        inside = reals.numpy() <= 127 * coarse
        assert (error[inside] <= np.where(reals.numpy() < 0, fine, coarse)[inside] * 0.501).all()


def test_twin_codes_reach_the_same_logits_in_integers() -> None:
    """The program's logits follow the fake-quantized run's far closer than the float network's."""
    plan = plan_of("ptq4vit", "loud")
    program = lower_plan(plan, load_datapath("paper_ptq4vit"), {})
    image = pictures(1, seed=8)
    codes = Reference(program).run(image).tensors[program.output]
    integers = program.tensors[program.output].dequantize(codes).ravel()
    fake = QuantizedRunner(plan).batch_logits(torch.from_numpy(image)).numpy().ravel()
    assert np.abs(integers - fake).max() < 0.05 * np.abs(fake).max()


def test_twin_codes_become_uniform_where_tables_are_narrow() -> None:
    """iot_npu's tables give 8 bits: such a tensor keeps its positive range, loses the grid and is listed."""
    plan = plan_of("ptq4vit", "loud")
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    assert set(twins(plan)) <= set(json.loads(program.provenance["scales_changed"]))
    for name, tensor in twins(plan).items():
        held, top = program.tensors[name], tensor.scale[0] * ((1 << (tensor.bits - 1)) - 1)
        assert held.bits == 8 and held.scale[0] * 127 == pytest.approx(top)
        assert len(set(program.constants[f"{name}/table"].ravel().tolist())) > 30
    assert_both_sides_agree(program)


def test_twin_codes_are_refused_where_nothing_gives_them() -> None:
    """A unit that is no table cannot give the grid; a MAC may be narrower than tables; only a function has it."""
    plan = plan_of("ptq4vit", "loud")
    wide = {"table": {"input_bits_max": 16, "output_bits_max": 16}}
    with pytest.raises(BittrueError, match="wider than the datapath's multiplier"):
        lower_plan(plan, datapath(wide), {})
    unit = {"activation": {"silu": {"kind": "shift_silu", "input_bits_max": 8, "fraction_bits": 9, "sigmoid_bits": 8}}}
    with pytest.raises(BittrueError, match="twin uniform codes come out of a table"):
        lower_plan(plan, datapath(unit), {})
    tensors = {**plan.tensors, "expand": dataclasses.replace(plan.tensors["expand"], region_shift=2)}
    with pytest.raises(BadInput, match="function's output"):
        lower_plan(dataclasses.replace(plan, tensors=tensors), load_datapath("paper_ptq4vit"), {})


def test_ptq4vit_weights_share_scales_as_the_paper_has_them(tmp_path: Path) -> None:
    """One a row in convolutions, one for q, k and v each, one in other linear layers; and a plan file keeps all."""
    plan = plan_of("ptq4vit", "loud")
    assert len(set(plan.weights["expand"].scale)) > 8
    qkv = np.array(plan.weights["qkv"].scale).reshape(3, 8)
    assert (qkv == qkv[:, :1]).all() and len(set(qkv[:, 0])) == 3
    assert len(set(plan.weights["proj"].scale)) == 1
    save_plan(plan, tmp_path / "plan")
    assert load_plan(tmp_path / "plan").digest() == plan.digest()
    assert twins(load_plan(tmp_path / "plan")) == twins(plan)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stays_near_the_float_network(method: str) -> None:
    """At 8 bits the logits' error has a hundredth of their energy; a tenth where the metric is blind to gains."""
    images = torch.from_numpy(pictures(3, seed=9))
    real = BatchRunner(loud_graph()).forward(images).detach().numpy()
    found = QuantizedRunner(plan_of(method, "loud")).batch_logits(images).numpy()
    assert np.square(found - real).sum() < {"easyquant": 0.1}.get(method, 0.01) * np.square(real).sum()
