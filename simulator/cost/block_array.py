"""An array of dot products that works on blocks of the output: search of the block, cycles and bytes.

The accumulators hold one block of the output while its input block streams past. A step of the array lasts
`step_cycles` for each unit of the block, and no less than its weights take to arrive. Steps of a unit:

    sum of channels, deep     ceil(channels / step_channels) * taps * passes of the weight
    sum of channels, few      ceil(channels / tap_channels) * ceil(taps * passes / taps_per_step)    the lesser of both
    the same, taps flattened  ceil(channels * taps / step_channels) * passes of the weight
    own weights a channel     ceil(taps * passes / taps_per_step)
    pooling                   taps, at least taps_per_step; no weights are waited for

and each as often as the input takes passes.

Sources: the organisation, block memory and its rounding are what Arm's compiler Vela 5.2 publishes of the Ethos-U
(architecture_features.py, npu_performance.py); the search follows `block.search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.cost.block_work import Window
from bittrue.spec.machine import Array, Machine, OutputBlock

Grid = NDArray[np.int64]
"""One value for each candidate block."""
SHARE = 1024
WORD_BYTES = 8
"""The block memory keeps each pixel's channels in whole words."""


Place = Literal["sram", "dram", "flash"]


@dataclass(frozen=True)
class Memory:
    """How a memory serves the array."""

    place: Place
    bytes_per_kilocycle: int
    burst_bytes: int
    latency_cycles: int


@dataclass(frozen=True)
class Feeds:
    """Where the operands of one step lie."""

    source: Memory
    """Of the input."""
    target: Memory
    """Of the output."""
    weights: Memory
    staging: Memory
    """Where weights that are read more than once are kept meanwhile."""
    channel_bytes: int
    """Bias, multiplier and shift of one output channel, read with every block of it."""


@dataclass(frozen=True)
class BlockCost:
    """What the chosen block costs, for all groups."""

    height: int
    width: int
    depth: int
    array_cycles: int
    fill_cycles: int
    """Until the first block is computed and its output written, beyond array_cycles."""
    input_bytes: int
    """Fetched: halos and partly used bursts included."""
    output_bytes: int
    staged_bytes: int
    """Weights written to the staging memory and read there again and again."""
    weight_bytes: int
    """Weights and channel constants that come from their own memory."""

    def transfers(self, feeds: Feeds) -> Mapping[Place, int]:
        """Bytes at each memory."""
        total = dict.fromkeys(get_args(Place), 0)
        total[feeds.source.place] += self.input_bytes
        total[feeds.target.place] += self.output_bytes
        total[feeds.staging.place] += self.staged_bytes
        total[feeds.weights.place] += self.weight_bytes
        return total


@dataclass(frozen=True)
class _Blocks:
    """All candidates: sides of the block of outputs and of its inputs."""

    height: Grid
    width: Grid
    depth: Grid
    in_height: Grid
    in_width: Grid
    in_depth: Grid
    steps: int
    """Of the array for one unit of the block."""

    def pieces(self, work: Window) -> Grid:
        """Blocks side by side in height and width."""
        return _ceil(work.out_height, self.height) * _ceil(work.out_width, self.width)


def _ceil(value: Grid | int, step: Grid | int) -> Grid:
    quotient: Grid = -(-np.asarray(value, np.int64) // np.asarray(step, np.int64))
    return quotient


def _up(value: Grid | int, step: int) -> Grid:
    return _ceil(value, step) * step


def best_block(work: Window, machine: Machine, feeds: Feeds, output_cycles: int) -> BlockCost:
    """The block that the machine's search finds. output_cycles: of the vector unit, for the whole output."""
    array, block = machine.array, machine.array.block
    assert block is not None
    blocks = _candidates(work, block)
    cycles = _array_cycles(work, array, block, machine.buffers.weight_bytes_per_cycle, blocks)
    elements = _fetched_elements(work, blocks)
    fetched = elements * work.input_bytes * _waste(_read_run(work, blocks), feeds.source.burst_bytes) // SHARE
    output = work.out_height * work.out_width * work.out_depth * work.output_bytes
    written = output * _waste(_write_run(work, block, blocks), feeds.target.burst_bytes) // SHARE
    pieces = blocks.pieces(work)
    staged = np.where(pieces > 1, work.weights * (1 + pieces), 0)
    weights = work.weights + feeds.channel_bytes * work.out_depth * pieces
    fill = _fill(work, block, feeds, blocks, output_cycles, staged > 0)
    memory = _memory_cycles(feeds, work.groups * np.stack([fetched, written, staged, weights]))
    total = np.maximum(np.maximum(cycles * work.groups, output_cycles) + fill, memory)
    order: tuple[Grid, ...]
    if block.search == "fewest_cycles":
        order = (total, fetched + written + staged)
    else:
        # Of equally few codes the shallowest block; where no block has a halo all are equal, and bursts decide.
        halo = work.kernel_height > work.stride_height or work.kernel_width > work.stride_width
        shallow = blocks.depth if halo else np.zeros_like(blocks.depth)
        count = pieces * _ceil(work.out_depth, blocks.depth)
        order = (elements + work.weights * pieces, shallow, fetched + written, count, total)
    best = int(np.lexsort((*order[::-1], ~_fits(work, block, blocks)))[0])
    return BlockCost(
        height=int(blocks.height[best]),
        width=int(blocks.width[best]),
        depth=int(blocks.depth[best]),
        array_cycles=int(cycles[best]) * work.groups,
        fill_cycles=int(fill[best]),
        input_bytes=int(fetched[best]) * work.groups,
        output_bytes=int(written[best]) * work.groups,
        staged_bytes=int(staged[best]) * work.groups,
        weight_bytes=int(weights[best]) * work.groups,
    )


def _memory_cycles(feeds: Feeds, traffic: Grid) -> Grid:
    """Cycles of the slowest memory. traffic: [4, candidates] of input, output, staged and weight bytes."""
    total: dict[Place, Grid] = {}
    rate: dict[Place, int] = {}
    for memory, count in zip((feeds.source, feeds.target, feeds.staging, feeds.weights), traffic, strict=True):
        total[memory.place] = total.get(memory.place, np.zeros_like(count)) + count
        rate[memory.place] = memory.bytes_per_kilocycle
    slowest: Grid = np.max(np.stack([_ceil(1000 * total[place], rate[place]) for place in total]), axis=0)
    return slowest


def _span(work: Window) -> tuple[int, int]:
    """Rows and columns of the input that the output needs, padding included."""
    return (
        (work.out_height - 1) * work.stride_height + work.kernel_height,
        (work.out_width - 1) * work.stride_width + work.kernel_width,
    )


def _candidates(work: Window, block: OutputBlock) -> _Blocks:
    """All blocks, the least first, which always runs: where it does not fit it streams its input in parts."""
    deepest = min(int(_up(work.out_depth, block.unit_depth)), block.depth_max)
    depths = list(range(block.unit_depth, deepest + 1, block.unit_depth))
    depths = [depth for depth in depths if depth % block.depth_step == 0 or depth >= work.out_depth] or [deepest]
    heights = _sizes(work.out_height, block.unit_height, block.height_max)
    widths = _sizes(work.out_width, block.unit_width, block.width_max)
    grid = np.meshgrid(np.array(depths), heights, widths, indexing="ij")
    depth, height, width = (axis.reshape(-1).astype(np.int64) for axis in grid)
    span_height, span_width = _span(work)
    steps, brick = _steps(work, block)
    return _Blocks(
        height=height,
        width=width,
        depth=depth,
        in_height=np.minimum((height - 1) * work.stride_height + work.kernel_height, span_height),
        in_width=np.minimum((width - 1) * work.stride_width + work.kernel_width, span_width),
        in_depth=depth if brick is None else np.full_like(depth, brick),
        steps=steps,
    )


def _sizes(size: int, unit: int, most: int) -> Grid:
    return np.arange(unit, min(int(_up(size, unit)), most) + 1, unit, dtype=np.int64)


def _steps(work: Window, block: OutputBlock) -> tuple[int, int | None]:
    """Steps of a unit, and the depth of an input block where it is not the output block's."""
    if work.mode == "pool":
        return max(work.taps, block.taps_per_step), None
    shared = -(-work.taps * work.weight_passes // block.taps_per_step)
    if work.mode == "channel":
        return shared * work.input_passes, None
    many = -(-work.in_depth // block.step_channels) * work.taps * work.weight_passes
    if block.flattens_taps:
        many = -(-work.in_depth * work.taps // block.step_channels) * work.weight_passes
    few = -(-work.in_depth // block.tap_channels) * shared
    brick = block.step_channels if many < few else 2 * block.tap_channels
    return min(many, few) * work.input_passes, min(brick, int(_up(work.in_depth, block.tap_channels)))


def _fits(work: Window, block: OutputBlock, blocks: _Blocks) -> NDArray[np.bool_]:
    """Whether two input blocks and two blocks of accumulators fit the banks."""
    pixels = _up(blocks.in_height, block.unit_height) * _up(blocks.in_width, block.unit_width)
    read = pixels * _up(blocks.in_depth * work.input_bytes, WORD_BYTES)
    sums = blocks.height * blocks.width * _up(blocks.depth, WORD_BYTES) * work.accumulator_bytes
    inputs = _up(2 * _ceil(read, block.bank_bytes), block.input_granule_banks)
    fits = inputs + _up(2 * _ceil(sums, block.bank_bytes), block.accumulator_granule_banks) <= block.banks
    fits[0] = True
    return fits


def _array_cycles(work: Window, array: Array, block: OutputBlock, weight_port: int, blocks: _Blocks) -> Grid:
    """Cycles of all blocks of one group, those at the edges as small as they are."""
    waits = 0
    if work.mode != "pool":
        waits = -(-array.rows * block.step_cycles * block.unit_depth * work.weight_bytes // weight_port)
    turns = 1 if work.mode == "pool" else blocks.steps
    total = np.zeros_like(blocks.height)
    for rows_count, high in _parts(work.out_height, blocks.height, block.unit_height):
        for cols_count, wide in _parts(work.out_width, blocks.width, block.unit_width):
            units = high * wide
            busy = np.maximum(waits, block.step_cycles * units) * blocks.steps
            turn = np.where(units == 1, block.turn_cycles * turns, 0)
            total += np.where(units > 0, rows_count * cols_count, 0) * (busy + turn)
    side_by_side = array.depthwise_channels if work.mode == "channel" else block.unit_depth
    return (total + block.drain_cycles) * -(-work.out_depth // side_by_side)


def _parts(size: int, step: Grid, unit: int) -> tuple[tuple[Grid, Grid], tuple[Grid, Grid]]:
    """How many pieces of a side are whole and how many units each has; the same of what is left over."""
    rest = size % step
    return (size // step, step // unit), (np.minimum(rest, 1), _ceil(rest, unit))


def _fetched_elements(work: Window, blocks: _Blocks) -> Grid:
    """Input codes of one group, halos as often as blocks share them, all for each block along the depth."""
    down, across = _ceil(work.out_height, blocks.height), _ceil(work.out_width, blocks.width)
    rows = (work.out_height - down) * work.stride_height + down * work.kernel_height
    cols = (work.out_width - across) * work.stride_width + across * work.kernel_width
    if work.mode == "sum":
        rows = rows * _ceil(work.out_depth, blocks.depth)
    elements: Grid = (rows * cols * work.in_depth).astype(np.int64)
    return elements


def _read_run(work: Window, blocks: _Blocks) -> Grid:
    """Contiguous bytes of an input block: rows of whole pixels where its depth is theirs, or a part of each pixel."""
    whole = blocks.in_depth == work.in_depth
    return np.where(whole, blocks.in_width * work.in_depth, blocks.in_depth) * work.input_bytes


def _write_run(work: Window, block: OutputBlock, blocks: _Blocks) -> Grid:
    """Contiguous bytes of an output block."""
    pixel = work.out_depth * work.output_bytes
    whole = (blocks.depth >= work.out_depth) & (pixel <= block.write_run_bytes)
    return np.where(whole, blocks.width * pixel, np.minimum(block.write_run_bytes, blocks.depth * work.output_bytes))


def _waste(run: Grid, burst_bytes: int) -> Grid:
    """Bytes that a memory is busy for, in SHARE-ths of the bytes that are used."""
    return burst_bytes * SHARE // np.minimum(burst_bytes, run)


def _fill(
    work: Window, block: OutputBlock, feeds: Feeds, blocks: _Blocks, output_cycles: int, staged: NDArray[np.bool_]
) -> Grid:
    """The first input block in, the last output block through the vector unit and out, the first weights staged."""
    source, target = feeds.source, feeds.target
    inputs = blocks.in_height * blocks.in_width * blocks.in_depth * work.input_bytes
    read = inputs * _waste(_read_run(work, blocks), source.burst_bytes) // SHARE
    outputs = np.minimum(blocks.height, work.out_height) * np.minimum(blocks.width, work.out_width)
    outputs = outputs * np.minimum(blocks.depth, work.out_depth)
    written = outputs * work.output_bytes * _waste(_write_run(work, block, blocks), target.burst_bytes) // SHARE
    all_outputs = work.out_height * work.out_width * work.out_depth * work.groups
    first = _ceil(work.weights * min(block.depth_step, work.out_depth), work.out_depth)
    first = first + feeds.channel_bytes * min(block.depth_step, work.out_depth)
    fetch = feeds.weights.latency_cycles + _ceil(1000 * first, feeds.weights.bytes_per_kilocycle)
    return (
        source.latency_cycles
        + _ceil(1000 * read, source.bytes_per_kilocycle)
        + target.latency_cycles
        + _ceil(1000 * written, target.bytes_per_kilocycle)
        + _ceil(output_cycles * outputs, all_outputs)
        + np.where(staged, fetch, 0)
    )
