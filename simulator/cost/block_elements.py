"""Element operations on blocks: how deep a block of two operands is, and what its short runs cost a memory."""

from __future__ import annotations

from bittrue.simulator.cost.sizes import element_bytes, tensor_bytes
from bittrue.spec.machine import OutputBlock
from bittrue.spec.tensors import TensorSpec


def channels(spec: TensorSpec) -> int:
    """Elements that lie side by side: the channels of an image [1, C, H, W], the last axis of anything else."""
    return spec.shape[1] if len(spec.shape) == 4 else spec.shape[-1]


def moved_bytes(spec: TensorSpec, burst_bytes: int, run_bytes: int | None) -> int:
    """Bytes for which a memory is busy. run_bytes: contiguous ones; None where whole pixels are."""
    size = tensor_bytes(spec)
    return size if run_bytes is None else size * burst_bytes // min(burst_bytes, run_bytes)


def block_depth(spec: TensorSpec, block: OutputBlock) -> int:
    """Depth of the largest block of two operands that fits the block memory; of equally large ones the shallowest."""
    depth = channels(spec)
    rows, cols = (spec.shape[2], spec.shape[3]) if len(spec.shape) == 4 else (1, spec.size // spec.shape[-1])
    deepest = min(_up(depth, block.unit_depth), block.depth_max)
    best, chosen = 0, deepest
    for candidate in range(block.unit_depth, deepest + 1, block.unit_depth):
        if candidate % block.depth_step and candidate < depth:
            continue
        volume = max(
            (
                height * width * candidate
                for height in range(
                    block.unit_height, min(_up(rows, block.unit_height), block.height_max) + 1, block.unit_height
                )
                for width in range(
                    block.unit_width, min(_up(cols, block.unit_width), block.width_max) + 1, block.unit_width
                )
                if _fits(height * width * candidate * element_bytes(spec.bits), block)
            ),
            default=0,
        )
        if volume > best:
            best, chosen = volume, candidate
    return chosen


def _fits(operand_bytes: int, block: OutputBlock) -> bool:
    """Two operands, each twice."""
    banks = _up(2 * -(-operand_bytes // block.bank_bytes), block.input_granule_banks)
    return 2 * banks <= block.banks


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
