"""The errors that candidates cause: every site at its readers' outputs, every weight at its layer's, or, inside a
bridge block, at the block's ends.

Everything a problem does not ask about stays at its current choice, so that alternating choices descend together
(Q-HyViT, arXiv 2303.12557, algorithm 1). Layers see float inputs but for their own quantization ("in parallel"):
errors do not pile up through the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.bridge import Bridge
from bittrue.calibration.fake_quantize import along, fake_quantize, fake_quantize_like, fake_quantize_weight
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.lowering.channel_fold import fold_factor, groups_of, is_depthwise
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.reading import Reading, readings
from bittrue.calibration.reconstruction.block import BlockProblem
from bittrue.calibration.reconstruction.fisher import Target, batches
from bittrue.calibration.reconstruction.local import WHOLE_IMAGES, LocalProblem, NodeValues, is_whole, sample_node
from bittrue.calibration.sites import Site
from bittrue.spec.arithmetic import code_range

Metric = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(output, float output, squared gradient), each [samples, ..., channels] -> error of each channel or of all."""


@dataclass(frozen=True)
class Captured:
    """The problems of one graph and one set of images."""

    local: dict[str, LocalProblem]
    blocks: tuple[BlockProblem, ...]


@torch.no_grad()
def squared(output: torch.Tensor, reference: torch.Tensor, fisher: torch.Tensor) -> torch.Tensor:
    """Fisher-weighted squared error, summed over samples: equation 6; [channels] where the last axis has channels."""
    error = (output - reference).square_().mul_(fisher)
    return error.reshape(-1, error.shape[-1]).sum(0)


def capture(
    graph: FloatGraph,
    sites: Mapping[str, Site],
    images: torch.Tensor,
    bridges: tuple[Bridge, ...],
    *,
    target: Target,
    seed: int,
    whole: int = WHOLE_IMAGES,
    progress: Callable[[int], None] = lambda done: None,
) -> Captured:
    """One forward and backward pass over the images; uint8 [images, 3, H, W].

    whole: images, of the first batch, for what is judged whole.
    """
    random = np.random.default_rng(seed)
    axes = _channel_axes(graph, sites)
    local = {node.name: LocalProblem(node) for node in graph.nodes if not node.is_layout and node.kind != "normalize"}
    blocks: tuple[BlockProblem, ...] = ()
    done = 0
    for batch in batches(graph, images, target=target, seed=seed):
        count = len(next(iter(batch.values.values())))
        for name, problem in local.items():
            if name not in batch.gradients or (is_whole(problem.node) and problem.samples):
                continue
            node = problem.node
            values = [batch.values[source] for source in node.inputs]
            part = slice(0, whole) if is_whole(node) else slice(None)
            problem.samples.append(
                sample_node(
                    graph,
                    NodeValues(
                        node,
                        [value[part] for value in values],
                        batch.values[name][part],
                        batch.gradients[name][part],
                        axes.get(name),
                    ),
                    random,
                )
            )
            problem.elements = batch.values[name][0].numel() * len(images)
        if not blocks:
            few = [{name: value[:whole] for name, value in held.items()} for held in (batch.values, batch.gradients)]
            blocks = tuple(BlockProblem.of(graph, bridge, few[0], few[1], len(images)) for bridge in bridges)
        done += count
        progress(done)
    return Captured({name: problem.finish() for name, problem in local.items() if problem.samples}, blocks)


def _channel_axes(graph: FloatGraph, sites: Mapping[str, Site]) -> dict[str, int]:
    """For each node the axis along which a site's channels reach it."""
    found: dict[str, int] = {}
    for site in sites.values():
        for reading in readings(graph, site):
            if reading.axis is not None:
                found.setdefault(reading.node.name, reading.axis)
    return found


class Search:
    """The current choices for all tensors and weights, and the errors of candidates for one of them.

    A weight's choice is the share of each row's largest magnitude that the codes cover, [rows].
    """

    def __init__(
        self,
        graph: FloatGraph,
        sites: Mapping[str, Site],
        captured: Captured,
        tensors: dict[str, TensorPlan],
        weight_bits: Mapping[str, int],
        *,
        copies: Collection[str] = (),
        metric: Metric = squared,
    ) -> None:
        self.graph, self.sites, self.captured, self.metric = graph, sites, captured, metric
        self.tensors, self.weight_bits = tensors, dict(weight_bits)
        self.runner = BatchRunner(graph)
        self.float = dict(self.runner.parameters)
        self.readings = {name: readings(graph, site, copies) for name, site in sites.items() if name not in copies}
        self.sources: dict[tuple[str, int], list[Reading]] = {}
        for held in self.readings.values():
            for reading in held:
                self.sources.setdefault((reading.node.name, reading.operand), []).append(reading)
        self.block_of = {name: block for block in captured.blocks for name in block.bridge.nodes}
        self.covered = {name: np.ones(len(self.float[f"{name}/weight"])) for name in weight_bits}
        self.weighted = [node for node in graph.nodes if node.name in weight_bits]
        for node in self.weighted:
            self.use_weight(node)
        for block in captured.blocks:
            self.prepare(block)

    def readers_of(self, name: str) -> list[str]:
        """The nodes at which a site's error is judged."""
        return [reading.node.name for reading in self.readings[name]]

    def formats(self, node: Node, operand: int) -> tuple[np.ndarray, np.ndarray, int | None, int] | None:
        """Scales, zero points, their axis in the operand of one image, and bits; None where nothing quantizes it."""
        parts = [part for part in self.sources.get((node.name, operand), ()) if part.site in self.tensors]
        if not parts:
            return None
        plans = [self.tensors[part.site] for part in parts]
        if len(parts) == 1 and (plans[0].axis is None or parts[0].axis is None):
            index = 0 if plans[0].axis is None else int(parts[0].channels[0])
            return np.array([plans[0].scale[index]]), np.array([plans[0].zero_point[index]]), None, plans[0].bits
        axis = parts[0].axis
        assert axis is not None
        size = self.graph.shape_of(node.inputs[operand])[axis]
        scale, zero_point = np.ones(size), np.zeros(size, np.int64)
        for part, plan in zip(parts, plans, strict=True):
            which = part.channels if plan.axis is not None else np.zeros(len(part.channels), np.int64)
            scale[part.places] = np.array(plan.scale)[which]
            zero_point[part.places] = np.array(plan.zero_point)[which]
        return scale, zero_point, axis, plans[0].bits

    def use_weight(self, node: Node) -> None:
        """Round a node's weight by the current choices."""
        key = f"{node.name}/weight"
        weight, factor = self.float[key], None
        source = self.formats(node, 0)
        if source is not None and source[2] is not None and not is_depthwise(node, weight.numpy()):
            factor = torch.from_numpy(fold_factor(weight.shape, source[0], groups_of(node))).to(weight.dtype)
        rows = (weight if factor is None else weight * factor).flatten(1).abs().amax(1).clamp_min(1e-12)
        bits = self.weight_bits[node.name]
        scale = rows * torch.from_numpy(self.covered[node.name]).to(weight.dtype) / ((1 << (bits - 1)) - 1)
        self.runner.parameters[key] = fake_quantize_weight(weight, scale, bits, factor)

    def site_error(self, name: str, plan: TensorPlan) -> float:
        """The error of all readers of a tensor if it had this plan."""
        held = self.tensors[name]
        folds = (held.axis, held.scale) != (plan.axis, plan.scale) and (held.axis, plan.axis) != (None, None)
        weighted = [r.node for r in self.readings[name] if folds and r.node.name in self.weight_bits]
        self.tensors[name] = plan
        for node in weighted:
            self.use_weight(node)
        total, blocks = 0.0, {}
        for reading in self.readings[name]:
            block = self.block_of.get(reading.node.name)
            if block is not None:
                blocks[id(block)] = block
            else:
                total += float(self.local_error(reading.node).sum())
        for block in blocks.values():
            total += self.block_error(block, name, weight=False)
        self.tensors[name] = held
        for node in weighted:
            self.use_weight(node)
        return total

    def cover(self, node: Node, covered: np.ndarray) -> None:
        """Choose how much of each row of a weight the codes cover, [rows]."""
        self.covered[node.name] = covered
        self.use_weight(node)

    def weight_error(self, node: Node, covered: np.ndarray) -> torch.Tensor:
        """The error if a weight's rows were covered so: of each output channel, or of the block, [1]."""
        held = self.covered[node.name]
        self.cover(node, covered)
        block = self.block_of.get(node.name)
        if block is None:
            found = self.local_error(node)
        else:
            found = torch.tensor([self.block_error(block, node.name, weight=True)])
        self.cover(node, held)
        return found

    @torch.no_grad()
    def local_error(self, node: Node) -> torch.Tensor:
        """The error of one node at its own output under the current choices."""
        problem = self.captured.local[node.name]
        operands = [
            self._operand(node, index, value, problem.sample.axes[index])
            for index, value in enumerate(problem.sample.operands)
        ]
        return self.metric(problem.run(self.runner, operands), problem.sample.output, problem.fisher)

    def _operand(self, node: Node, index: int, value: torch.Tensor, axes: dict[int, int]) -> torch.Tensor:
        twin = self._twin(node, index)
        if twin is not None:
            return fake_quantize_like(value, twin)
        found = self.formats(node, index)
        if found is None:
            return value
        scale, zero_point, axis, bits = found
        low, high = code_range(bits, signed=True)
        where = None if axis is None else axes[axis]
        return quantized(value, scale, zero_point, where, low, high)

    def _twin(self, node: Node, operand: int) -> TensorPlan | None:
        """The plan of an operand with twin uniform codes; layers read such tensors whole."""
        parts = self.sources.get((node.name, operand), ())
        plans = [self.tensors[part.site] for part in parts if part.site in self.tensors]
        return plans[0] if len(plans) == 1 and plans[0].region_shift else None

    @torch.no_grad()
    def block_error(self, block: BlockProblem, changed: str, *, weight: bool) -> float:
        """The error at a block's ends when one thing changed since `prepare`."""
        return block.error(self.runner, self.quantize, changed, weight=weight)

    @torch.no_grad()
    def prepare(self, block: BlockProblem) -> None:
        """Bring a block's kept values up to the current choices."""
        block.prepare(self.runner, self.quantize)

    def quantize(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """A whole tensor [images, *shape] by its current plan, if it is a site."""
        plan = self.tensors.get(name)
        if plan is None or name not in self.readings:
            return value
        if plan.region_shift:
            return fake_quantize_like(value, plan)
        axis = None if plan.axis is None else plan.axis + 1
        return quantized(value, np.array(plan.scale), np.array(plan.zero_point), axis, *code_range(plan.bits, True))


def quantized(
    value: torch.Tensor, scale: np.ndarray, zero_point: np.ndarray, axis: int | None, low: int, high: int
) -> torch.Tensor:
    """Fake quantization along one axis, or with one scale."""
    if axis is None and len(scale) > 1:
        raise ValueError("several scales need an axis")
    s, z = (along(torch.from_numpy(np.asarray(v, np.float32)), axis, value.ndim) for v in (scale, zero_point))
    return fake_quantize(value, s, z, low, high)
