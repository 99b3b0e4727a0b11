"""Constants in a model: what folds into weights, what becomes a step, and that both compute what torch computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from small_models import pictures, small_plan
from tiny_programs import iot_npu
from torch import Tensor, nn

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator

ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class Around(nn.Module):
    """A stem, one function of its image [1, 8, 8, 8] and of the module's parameters, and what is left flattened."""

    def __init__(self, inner: Callable[[Around, Tensor], Tensor], act: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem, self.behind = nn.Conv2d(3, 8, 8, stride=8), nn.Conv2d(8, 4, 3, stride=2, groups=2)
        self.other = nn.Conv2d(8, 4, 5, stride=2)
        self.padded = nn.Conv2d(8, 4, 3, padding=1)
        self.wide, self.fc, self.head = nn.Linear(8, 16), nn.Linear(8, 5), nn.Linear(8, 5)
        self.norm, self.tokens = nn.BatchNorm2d(8), nn.BatchNorm1d(64)
        for norm in (self.norm, self.tokens):
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.5, 2.0)
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.normal_(0, 0.5)
        self.gamma, self.row = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(1, 1, 8))
        self.grid, self.bias = nn.Parameter(torch.randn(1, 64, 8)), nn.Parameter(torch.randn(2, 10))
        self.matrix = nn.Parameter(torch.randn(8, 6))
        self.register_buffer("places", torch.randint(0, 10, (64, 64)))
        self.inner, self.act = inner, act

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.inner(self, torch.relu(y) if self.act else y).flatten(1)


def rows(x: Tensor) -> Tensor:
    """[1, 8, 8, 8] -> tokens [1, 64, 8]."""
    return x.flatten(2).transpose(1, 2)


def attended(m: Around, x: Tensor, *, fused: bool) -> Tensor:
    """Two heads with a learned bias that is looked up."""
    q = rows(x).reshape(1, 64, 2, 4).permute(0, 2, 1, 3)
    bias = m.bias[:, m.places]
    if fused:
        return F.scaled_dot_product_attention(q, q, q, attn_mask=bias.unsqueeze(0))
    return ((q @ q.transpose(-2, -1)) * 0.5 + bias).softmax(-1) @ q


def exported(inner: Callable[[Around, Tensor], Tensor], *, act: bool = True) -> FloatGraph:
    """The graph of one function; it computes what torch computes, and its program what the judge computes."""
    module = Around(inner, act).eval()
    graph = export_graph(module, model="around", side=64, mean=ZERO, std=ONE)
    image = pictures(3)[:1]
    with torch.no_grad():
        expected = module(torch.from_numpy(image).float() / 255).numpy().ravel()
    assert np.abs(FloatRunner(graph).logits(image) - expected).max() < 1e-4 * np.abs(expected).max()
    program = lower_plan(small_plan(graph=graph), iot_npu(), {})
    found, judged = Simulator(program).run(image), Reference(program).run(image)
    assert all((found.tensors[name] == codes).all() for name, codes in judged.tensors.items())
    real = program.tensors[program.output].dequantize(found.tensors[program.output]).ravel()
    assert np.abs(real - expected).max() < 0.1 * np.abs(expected).max()
    return graph


FOLDED: dict[str, tuple[Callable[[Around, Tensor], Tensor], bool]] = {
    "a layer scale into the convolution in front": (lambda m, x: x * m.gamma.view(1, -1, 1, 1), False),
    "a batch norm into the convolution in front": (lambda m, x: m.norm(x), False),
    "an offset a channel into the convolution in front": (lambda m, x: m.gamma.view(-1, 1, 1) + x, False),
    "a chain into the convolution in front": (lambda m, x: (m.norm(x) * 3.0 - 1.0) / m.gamma.view(8, 1, 1), False),
    "a constant less a convolution": (lambda m, x: 1.0 - x, False),
    "a batch norm into the convolution behind": (lambda m, x: m.behind(m.norm(x)), True),
    "a factor a channel into one that pads": (lambda m, x: m.padded(x * m.gamma.view(8, 1, 1)), True),
    "a batch norm into two readers": (
        lambda m, x: torch.cat([m.behind(y := m.norm(x)).flatten(2), m.other(y).flatten(2)], 2),
        True,
    ),
    "a layer scale into the linear in front": (lambda m, x: m.fc(rows(x)) * m.gamma[:5], True),
    "a layer scale into the linear behind": (lambda m, x: m.fc(rows(x) * m.gamma + 1.0), True),
    "two heads of one input, averaged": (lambda m, x: (m.fc(y := rows(x)) + m.head(y)) / 2, True),
    "a matrix of weights": (lambda m, x: rows(x) @ m.matrix, True),
}


@pytest.mark.parametrize(("inner", "act"), FOLDED.values(), ids=FOLDED)
def test_what_folds(inner: Callable[[Around, Tensor], Tensor], act: bool) -> None:
    """Where weights are beside it a constant costs no step."""
    nodes = exported(inner, act=act).nodes
    assert not {node.kind for node in nodes} & {"constant", "mul", "add"}
    assert all(node.attributes.get("groups") != 8 for node in nodes)


STEPS: dict[str, tuple[Callable[[Around, Tensor], Tensor], dict[str, int]]] = {
    "a layer scale of an activation": (lambda m, x: x * m.gamma.view(8, 1, 1), {"conv2d": 2}),
    "a batch norm of an activation": (lambda m, x: m.norm(x), {"conv2d": 2}),
    "a batch norm behind a transpose": (lambda m, x: m.norm(x.transpose(1, 2)), {"conv2d": 2}),
    "a batch norm whose offset a border would lose": (lambda m, x: m.padded(m.norm(x)), {"conv2d": 3}),
    "a batch norm with another reader in front": (lambda m, x: m.norm(x) + x, {"conv2d": 2, "add": 1}),
    "a batch norm with another reader behind": (lambda m, x: torch.relu(y := m.norm(x)) + y, {"conv2d": 2, "add": 1}),
    "a number times an activation": (lambda m, x: x * 2.0, {"conv2d": 2}),
    "a number less an activation": (lambda m, x: 1.0 - x, {"conv2d": 2}),
    "a number on both sides of a sum": (
        lambda m, x: (m.fc(rows(x)) + m.head(F.gelu(rows(x)))) * 0.5,
        {"linear": 2, "add": 1},
    ),
    "tokens less their average": (lambda m, x: rows(x) - m.grid, {"add": 1, "constant": 1}),
    "a row of every token": (lambda m, x: rows(x) * m.row + 1.0, {"mul": 1, "add": 1, "constant": 2}),
    "a batch norm of tokens": (lambda m, x: m.tokens(rows(x)), {"mul": 1, "add": 1, "constant": 2}),
    "a grid times tokens": (lambda m, x: rows(x) * m.grid, {"mul": 1, "constant": 1}),
    "a class token": (lambda m, x: torch.cat([m.row.expand(1, -1, -1), rows(x)], 1), {"concat": 1, "constant": 1}),
    "a class token and positions": (
        lambda m, x: (torch.cat([m.row, rows(x)], 1) + torch.cat([m.row, m.grid], 1))[:, 0],
        {"concat": 1, "add": 1, "constant": 2, "slice": 1},
    ),
    "a constant on the left of a product": (
        lambda m, x: m.grid @ rows(x).transpose(1, 2),
        {"matmul": 1, "constant": 1},
    ),
    "one constant read twice": (lambda m, x: (rows(x) + m.grid) * m.grid, {"add": 1, "mul": 1, "constant": 1}),
    "attention with a bias, written out": (lambda m, x: attended(m, x, fused=False), {"add": 1, "constant": 1}),
    "attention with a bias, fused": (lambda m, x: attended(m, x, fused=True), {"add": 1, "constant": 1}),
    "pooling that does not count its padding": (
        lambda m, x: (F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) - x) * m.gamma.view(8, 1, 1) + x,
        {"avg_pool2d": 1, "sub": 1, "conv2d": 2, "add": 1},
    ),
    "a mean over tokens": (lambda m, x: rows(x).mean(1), {"mean": 1}),
    "a mean over tokens that keeps its axis": (lambda m, x: F.gelu(rows(x)).mean(dim=1, keepdim=True), {"mean": 1}),
    "a mean over channels": (lambda m, x: rows(x).mean(-1), {"mean": 1}),
    "a mean over everything": (lambda m, x: x.mean((1, 2, 3), keepdim=True), {"mean": 1}),
    "a token": (lambda m, x: m.fc(rows(x))[:, -1], {"slice": 1}),
    "tokens but the first": (lambda m, x: m.fc(rows(x))[:, 1:], {"slice": 1}),
}


@pytest.mark.parametrize(("inner", "wanted"), STEPS.values(), ids=STEPS)
def test_what_becomes_a_step(inner: Callable[[Around, Tensor], Tensor], wanted: dict[str, int]) -> None:
    """Elsewhere it is one, and no more than it must be."""
    computing = {"conv2d", "linear", "matmul", "mul", "add", "sub", "mean", "avg_pool2d", "concat", "constant", "slice"}
    found = Counter(node.kind for node in exported(inner).nodes if node.kind in computing)
    assert {kind: found[kind] for kind in wanted} == wanted
    assert found["constant"] == wanted.get("constant", 0)
    assert found["conv2d"] == wanted.get("conv2d", 1)


def test_constants_bear_the_names_of_their_parameters() -> None:
    """Whole, broadcast or looked up: a tensor can be found again in the float model."""
    graph = exported(lambda m, x: torch.cat([m.row.expand(1, -1, -1), rows(x) + m.grid], 1))
    assert sorted(node.name for node in graph.nodes if node.kind == "constant") == ["grid", "row"]
    graph = exported(lambda m, x: attended(m, x, fused=False))
    (bias,) = (node for node in graph.nodes if node.kind == "constant")
    assert (bias.name, bias.shape) == ("bias", (1, 2, 64, 64))


def test_the_codes_of_a_constant() -> None:
    """The nearest code of every value, by the range that calibration saw, which is the constant's own."""
    graph = exported(lambda m, x: rows(x) + m.grid)
    program = lower_plan(small_plan(graph=graph), iot_npu(), {})
    values, codes, spec = graph.parameters["grid/values"], program.constants["grid/codes"], program.tensors["grid"]
    assert (np.abs(spec.dequantize(codes) - values) <= spec.scale[0] * 0.5001).all()
    assert {int(codes.min()), int(codes.max())} == {-128, 127}
