"""Bits for every layer and tensor under a budget, by how much the logits suffer from each.

The sensitivity of a weight or an activation at some width is equation 6 of Q-HyViT (arXiv 2303.12557) for the logits'
squared error: its min-max quantization error at its readers' outputs, weighted by the squared gradient. Such estimates
are in one unit for all layers and add up, as HAWQ-V2's do (Dong et al., arXiv 1911.03852, section 3.1), so that the
choice is a knapsack; it is filled greedily, taking away bits where they cost least error for what they weigh.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bittrue.calibration.methods.method import Problem
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import parts, plan_tensor
from bittrue.calibration.reading import readings
from bittrue.calibration.reconstruction.search import Search, capture
from bittrue.calibration.sites import Site
from bittrue.calibration.widths import MACS

SENSITIVITY_IMAGES = 32


@dataclass(frozen=True)
class Item:
    """Something that gets a width."""

    name: str
    size: int
    """Weights, or elements of a tensor."""
    errors: Mapping[int, float]
    """What each width costs."""


def fill(items: Sequence[Item], budget: float) -> dict[str, int]:
    """A width for each item, the mean over all their elements at most `budget`, if the narrowest widths allow it.

    From the widest down: each step takes the narrowing with the least additional error for each bit that it saves.
    """
    chosen = {item.name: max(item.errors) for item in items}
    spent = sum(item.size * chosen[item.name] for item in items)
    allowed = budget * sum(item.size for item in items)
    steps: list[tuple[float, int, Item, int]] = []
    order = itertools.count()

    def offer(item: Item) -> None:
        """The best of an item's narrower widths: several steps at once where the first alone would not pay."""
        held = chosen[item.name]
        narrower = [bits for bits in item.errors if bits < held]
        if narrower and item.size:
            cost = {b: (item.errors[b] - item.errors[held]) / (item.size * (held - b)) for b in narrower}
            best = min(narrower, key=lambda b: (cost[b], -b))
            heapq.heappush(steps, (cost[best], next(order), item, best))

    for item in items:
        offer(item)
    while spent > allowed and steps:
        _, _, item, bits = heapq.heappop(steps)
        spent -= item.size * (chosen[item.name] - bits)
        chosen[item.name] = bits
        offer(item)
    return chosen


@dataclass(frozen=True)
class MixedBits:
    """Widths that differ from the options'."""

    weights: Mapping[str, int]
    tensors: Mapping[str, int]


def mixed_bits(problem: Problem) -> MixedBits:
    """The widths that the options' budgets leave; none of them where the options have no budget."""
    options = problem.options
    if options.weight_budget is None and options.activation_budget is None:
        return MixedBits({}, {})
    order = np.random.default_rng(options.seed).permutation(len(problem.images))[:SENSITIVITY_IMAGES]
    captured = capture(
        problem.graph,
        problem.sites,
        torch.from_numpy(problem.images[order]),
        (),
        target="probe",
        seed=options.seed,
        progress=lambda done: problem.progress("sensitivity", done, len(order)),
    )
    tensors = {name: _plan(problem, site, problem.bits[name]) for name, site in problem.sites.items()}
    search = Search(problem.graph, problem.sites, captured, tensors, problem.weight_bits)
    weights: dict[str, int] = {}
    operands: dict[str, int] = {}
    if options.weight_budget is not None:
        items = [_weight(search, name, options.mixed_bits) for name in problem.weight_bits]
        weights = fill(items, options.weight_budget)
    if options.activation_budget is not None:
        groups = operand_groups(problem)
        chosen = fill([_tensors(problem, search, group) for group in groups], options.activation_budget)
        operands = {site.name: chosen[group[0].name] for group in groups for site in group}
    return MixedBits(weights, operands)


def _weight(search: Search, name: str, choices: Sequence[int]) -> Item:
    node, held, errors = search.graph.by_name[name], search.weight_bits[name], {}
    for bits in choices:
        search.weight_bits[name] = bits
        errors[bits] = float(search.weight_error(node, search.covered[name]).sum())
    search.weight_bits[name] = held
    search.use_weight(node)
    return Item(name, search.graph.parameter(node, "weight").size, errors)


def _tensors(problem: Problem, search: Search, sites: Sequence[Site]) -> Item:
    """Tensors that get one width together."""
    errors = {
        bits: sum(search.site_error(site.name, _plan(problem, site, bits)) for site in sites)
        for bits in problem.options.mixed_bits
    }
    return Item(sites[0].name, sum(math.prod(site.shape) for site in sites), errors)


def _plan(problem: Problem, site: Site, bits: int) -> TensorPlan:
    """Min-max, one scale."""
    split = parts(site, channelwise=False, symmetric=problem.scheme(site.name) == "symmetric")
    ranges = [problem.fixed_range(site) or problem.seen(site, channels) for channels, _ in split]
    return plan_tensor(site, bits, list(zip(split, ranges, strict=True)))


def operand_groups(problem: Problem) -> list[list[Site]]:
    """What a multiplier reads, which is what the activation budget speaks of; the image stays as it comes.

    What a concat puts side by side code by code has one width, and so has the concat.
    """
    groups: list[list[Site]] = []
    placed: set[str] = set()
    for name in problem.free.copies:
        together = [problem.sites[each] for each in (*problem.graph.by_name[name].inputs, name)]
        groups.append(together)
        placed |= {site.name for site in together}
    for name, site in problem.sites.items():
        kinds = {reading.node.kind for reading in readings(problem.graph, site, problem.free.copies)}
        if name not in placed and kinds & set(MACS) and problem.fixed_range(site) is None:
            groups.append([site])
    return groups
