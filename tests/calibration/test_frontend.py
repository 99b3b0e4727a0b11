"""The front end: any eval-mode module becomes a folded, named float graph that computes the same."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import timm.layers
import torch
from small_models import pictures, small_plan
from tiny_programs import iot_npu
from torch import nn

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import Unsupported

ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def image(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, 3, side, side), dtype=np.uint8)


def lively(name: str, **options: object) -> nn.Module:
    """A timm model whose batch norms have non-trivial statistics, so that folding has something to fold."""
    torch.manual_seed(0)
    module = timm.create_model(name, **options).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2.0)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_(0, 0.1)
    return module


def largest_relative_error(module: nn.Module, graph: FloatGraph, pixels: np.ndarray) -> float:
    with torch.no_grad():
        expected = module(torch.from_numpy(pixels).float() / 255).numpy().ravel()
    return float(np.abs(FloatRunner(graph).logits(pixels) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    "name", ["mobilevit_xxs", "mobilevit_xs", "mobilevit_s", "mobilevitv2_050", "mobilevitv2_075", "mobilevitv2_100"]
)
def test_every_mobilevit_exports_and_computes_the_same(name: str) -> None:
    """The folded graph's logits lie within 1e-4 of the largest logit of the torch model."""
    module = lively(name)
    graph = export_graph(module, model=name, side=256, mean=ZERO, std=ONE)
    assert largest_relative_error(module, graph, image(256)) < 1e-4
    kinds = {node.kind for node in graph.nodes}
    assert not kinds & {"affine", "scale", "sum"}
    assert len(graph.by_name) == len(graph.nodes)


def test_another_side_exports_too() -> None:
    """192 is a multiple of 64."""
    module = lively("mobilevit_xxs")
    graph = export_graph(module, model="xxs", side=192, mean=ZERO, std=ONE)
    assert largest_relative_error(module, graph, image(192)) < 1e-4


def test_attention_written_out_gives_the_same_graph_as_fused() -> None:
    """The scalar d**-0.5 of the unfused form folds into the matmul of the scores."""
    module = lively("mobilevit_xxs")
    for layer in module.modules():
        if hasattr(layer, "fused_attn"):
            layer.fused_attn = False
    graph = export_graph(module, model="xxs", side=64, mean=ZERO, std=ONE)
    scales = sorted({round(node.attributes["scale"], 6) for node in graph.nodes if node.kind == "matmul"})
    assert scales == sorted({1.0, *(round(d**-0.5, 6) for d in (16, 20, 24))})
    assert largest_relative_error(module, graph, image(64)) < 1e-4


def test_preprocessing_is_the_first_node() -> None:
    """mean and std are part of the graph, so a program reads bytes."""
    graph = export_graph(lively("mobilevit_xxs"), model="xxs", side=64, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    first = next(iter(FloatRunner(graph).tensors(np.full((1, 3, 64, 64), 255, np.uint8))))
    assert first[0] == "input"
    assert torch.allclose(first[1][0, :, 0, 0], torch.tensor([0.5 / 0.2, 0.6 / 0.3, 0.7 / 0.4]))


def test_names_are_module_paths() -> None:
    """A tensor can be found again in the float model: names and origins are torch's."""
    module = lively("mobilevit_xxs")
    graph = export_graph(module, model="xxs", side=64, mean=ZERO, std=ONE)
    modules = dict(module.named_modules())
    assert all(node.origin in modules for node in graph.nodes[1:])
    assert graph.by_name["stem.conv"].origin == "stem.bn"
    assert graph.by_name["stages.2.1.transformer.0.attn.softmax"].kind == "softmax"


class ScaledTwice(nn.Module):
    """y @ y^T of a scaled y, which carries the factor twice."""

    def __init__(self, transposed: bool) -> None:
        super().__init__()
        self.stem, self.transposed = nn.Conv2d(3, 8, 8, stride=8), transposed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.stem(x)) * 0.5
        return (y @ (y.transpose(-1, -2) if self.transposed else y)).mean((2, 3))


class EndsFolded(nn.Module):
    """A head whose last operation disappears into the one in front."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 8, 64), nn.Linear(8, 5)
        self.norm = nn.BatchNorm2d(8) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        return self.norm(y) if self.norm is not None else self.fc(y.flatten(1)) * 0.5


@pytest.mark.parametrize("module", [ScaledTwice(True), ScaledTwice(False), EndsFolded(True), EndsFolded(False)])
def test_folds_keep_the_function(module: nn.Module) -> None:
    """A factor that reaches both sides of a matmul, and folds at the very end of a model."""
    torch.manual_seed(3)
    graph = export_graph(module.eval(), model="m", side=64, mean=ZERO, std=ONE)
    assert graph.nodes[-1].name == graph.output
    runner = FloatRunner(graph)
    pixels = image(64)
    with torch.no_grad():
        expected = module(torch.from_numpy(pixels).float() / 255).numpy().ravel()
    assert np.abs(runner.logits(pixels) - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_wrong_translation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong between module and graph, the net under the front end refuses the graph."""
    from bittrue.calibration.frontend import translator

    monkeypatch.setitem(translator.FUNCTIONS, "silu", "sigmoid")
    monkeypatch.setitem(translator.FUNCTIONS, "silu_", "sigmoid")
    with pytest.raises(Unsupported, match="does not compute what the module computes"):
        export_graph(lively("mobilevit_xxs"), model="xxs", side=64, mean=ZERO, std=ONE)


@pytest.mark.parametrize("side", [100, 224])
def test_a_side_at_which_mobilevit_resizes_is_refused(side: int) -> None:
    """The op refuses itself where it stands, and the error says which sides the model takes."""
    with pytest.raises(Unsupported, match="upsample_bilinear2d") as caught:
        export_graph(lively("mobilevit_xxs"), model="xxs", side=side, mean=ZERO, std=ONE)
    assert caught.value.where.startswith("module stages.")
    assert "multiple of 64" in caught.value.next_step


@pytest.mark.parametrize("side", [0, -64, 4097, 10**9])
def test_a_side_out_of_range_is_refused(side: int) -> None:
    """Before anything is allocated."""
    with pytest.raises(Unsupported, match="out of range"):
        export_graph(nn.Identity(), model="m", side=side, mean=ZERO, std=ONE)


def test_a_side_that_the_model_refuses() -> None:
    """A transformer with a position embedding takes one side; its own words are in the error."""
    torch.manual_seed(0)
    module = timm.create_model("deit_tiny_patch16_224", depth=1, num_classes=3)
    with pytest.raises(Unsupported, match="does not run on images of this side") as caught:
        export_graph(module, model="deit", side=192, mean=ZERO, std=ONE)
    assert "192" in caught.value.got and "224" in caught.value.got
    assert module.training


class Head(nn.Module):
    """Wraps one operation so that it exports with an image in front and logits behind."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x).mean((2, 3))


class Erf(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.erf(x)


class Into(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(1) / x


class PlusHalf(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.add(x, x, alpha=0.5)


class PlusRow(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x[:, :, :1]


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.ones(1, 3, 64, 64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, :1] + self.offset


class MeanOfAll(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(0, keepdim=True)


class EverySecond(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::2]


class Masked(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(64, 64, dtype=torch.bool).tril()
        return nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)


class Noisy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand(1, 3, 1, 1)


class InPlaceOnView(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * x
        torch.relu_(y.transpose(1, 2))
        return y


class FloorDivision(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.div(x * x, 0.5, rounding_mode="floor")


class ReadsBehindInPlace(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * x
        view = y.view(1, 3, 8, 512)
        y.relu_()
        return view


@pytest.mark.parametrize(
    "inner, said",
    [
        (Erf(), "erf"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), "upsample_bilinear2d"),
        (nn.MaxPool2d(2), "max_pool2d"),
        (nn.Conv2d(3, 4, 3, dilation=2), "dilation"),
        (nn.Softmax(dim=1), "softmax over another axis"),
        (nn.AvgPool2d(3, ceil_mode=True), "ceil_mode"),
        (nn.AvgPool2d(3, divisor_override=8), "a divisor of its own"),
        (Into(), "division by an activation"),
        (PlusHalf(), "with a factor"),
        (PlusRow(), "different shapes"),
        (Repeated(), "repeats the activation"),
        (MeanOfAll(), "a mean over the first axis"),
        (EverySecond(), "a slice with a step"),
        (Masked(), "a mask of truth values"),
        (Noisy(), "aten.rand"),
        (ReadsBehindInPlace(), "in-place"),
        (InPlaceOnView(), "in-place"),
        (FloorDivision(), "rounding_mode"),
    ],
)
def test_unsupported_ops_are_refused_by_name(inner: nn.Module, said: str) -> None:
    """The error says the op, the module path and what is supported."""
    with pytest.raises(Unsupported) as caught:
        export_graph(Head(inner), model="m", side=64, mean=ZERO, std=ONE)
    assert said in str(caught.value)
    assert "module" in caught.value.where
    assert caught.value.expected


class Activated(nn.Module):
    """A convolution, an activation and a pooled head."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.act, self.fc = nn.Conv2d(3, 8, 3, stride=8), activation, nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(nn.functional.adaptive_avg_pool2d(self.act(self.conv(x) * 8), 1).flatten(1))


@pytest.mark.parametrize(
    "activation", [nn.GELU(), nn.ReLU6(), nn.ReLU6(inplace=True), nn.Hardswish(), nn.Sigmoid()], ids=str
)
def test_activations_export_and_lower(activation: nn.Module) -> None:
    """Each becomes a function node that computes the same, and a table of a program that follows it."""
    torch.manual_seed(0)
    module = Activated(activation).eval()
    graph = export_graph(module, model="activated", side=64, mean=ZERO, std=ONE)
    assert largest_relative_error(module, graph, image(64)) < 1e-4
    program = lower_plan(small_plan(graph=graph), iot_npu(), {})
    seen = pictures(4)[:1]
    found = Simulator(program).run(seen).tensors[program.output]
    with torch.no_grad():
        wanted = module(torch.from_numpy(seen).float() / 255).numpy()
    assert np.abs(program.tensors[program.output].dequantize(found) - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("activation", "said"), [(nn.GELU(approximate="tanh"), "approximation"), (nn.Hardtanh(-1, 1), "0 and 6")], ids=str
)
def test_activations_that_are_others(activation: nn.Module, said: str) -> None:
    """The tanh form of GELU and other clamps are refused by name."""
    with pytest.raises(Unsupported, match=said):
        export_graph(Activated(activation).eval(), model="activated", side=64, mean=ZERO, std=ONE)


def test_what_a_float_module_can_be_written_as() -> None:
    """hardswish, sigmoid, chunk, concatenation, grouped convolution and pooling export and compute the same."""

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(3, 8, 3, stride=2, padding=1, groups=1)
            self.b = nn.Conv2d(8, 8, 3, padding=1, groups=4)
            self.pool = nn.AvgPool2d(3, stride=2, padding=1)
            self.fc = nn.Linear(8, 5, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.hardswish(self.a(x))
            left, right = self.b(x).chunk(2, dim=1)
            x = torch.cat([torch.sigmoid(left), nn.functional.relu(right)], dim=1)
            return self.fc(nn.functional.adaptive_avg_pool2d(self.pool(x), 1).flatten(1))

    torch.manual_seed(1)
    module = Mixed().eval()
    graph = export_graph(module, model="mixed", side=64, mean=ZERO, std=ONE)
    assert largest_relative_error(module, graph, image(64)) < 1e-4
