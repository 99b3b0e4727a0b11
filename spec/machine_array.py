"""The MAC array of a machine: a systolic array, or a tile of dot products that works on blocks of the output.

Which one it is, `dataflow` says. What each key does to a result: docs/hardware.md; the formulas: docs/cost_model.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bittrue.spec.sourced import Count, Cycles, Section

Dataflow = Literal["weight_stationary", "output_stationary", "input_stationary", "output_block"]


class OutputBlock(Section):
    """How an array of dot products cuts the output into blocks that its accumulators hold.

    unit_height * unit_width * unit_depth outputs are computed side by side. One step lasts `step_cycles` and takes
    `step_channels` input channels of one tap or, where that fills it better, `tap_channels` channels of
    `taps_per_step` taps.
    """

    unit_height: Count
    unit_width: Count
    unit_depth: Count
    """Outputs computed side by side; their product is array.cols."""
    step_cycles: Count
    step_channels: Count
    tap_channels: Count
    taps_per_step: Count
    """Taps that share a step; also in a depthwise convolution. A bit-serial array shares the step between bits too."""
    flattens_taps: bool = False
    """Whether channels of all taps share steps, as in a matrix product: ceil(channels * taps / step_channels)."""
    height_max: Count
    width_max: Count
    depth_max: Count
    """The largest block of outputs."""
    depth_step: Count
    """A block that is not as deep as the output is a multiple of this deep."""
    banks: Count
    """Banks of the block memory, which holds two input blocks and two blocks of accumulators."""
    bank_bytes: Count
    input_granule_banks: Count
    accumulator_granule_banks: Count
    """Input blocks and accumulators take whole multiples of these."""
    turn_cycles: Cycles
    """Wait between steps of a block that is a single unit high and wide: its sums are not back yet."""
    drain_cycles: Cycles = 0
    """Until the last sums of each `unit_depth` of a product have left the array."""
    write_run_bytes: Count
    """Contiguous bytes of an output that is deeper than this and not as deep as its block."""
    search: Literal["fewest_cycles", "fewest_bytes"]
    """Which of the blocks that fit runs: the quickest, with all memories; or that which fetches the fewest codes."""
    pools: bool
    """Whether average pooling and means run on the array."""
    product_bytes: Count | None = None
    """Given where the second operand must be a constant: other products run on the vector unit, a column at a time,
    and each product takes this many bytes on its way through memory to the sum."""
    product_lane_cycles: Count | None = None
    """Cycles for which such a product occupies a lane; given with product_bytes."""

    @model_validator(mode="after")
    def _products_are_whole(self) -> Self:
        if (self.product_bytes is None) != (self.product_lane_cycles is None):
            raise ValueError("product_bytes and product_lane_cycles need each other")
        return self


class Array(Section):
    """The MAC array."""

    rows: Count
    cols: Count
    dataflow: Dataflow
    """Which operand stays in the cells: rows x cols hold k x n (weight), m x n (output) or k x m (input); or
    "output_block": `cols` dot products of `rows` products each, see `block`."""
    operand_bits: Annotated[int, Field(ge=2, le=16)]
    """Width of a cell's multiplier ports. A wider operand takes ceil(bits / operand_bits) passes."""
    operand_bits_max: Annotated[int, Field(ge=2, le=32)]
    """The widest operand that the array takes, in passes."""
    second_operand_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """Width of the port of the second operand (the weight), where it is not operand_bits: 1 is bit-serial."""
    packs: bool = False
    """Whether a cell multiplies several narrow operands at once: floor(operand_bits / bits) products along k."""
    depthwise_channels: Count = 1
    """Channels of a depthwise convolution that the array works on side by side; 1: it has no such mode."""
    block: OutputBlock | None = None
    """Needed by, and only by, dataflow "output_block"."""

    @model_validator(mode="after")
    def _port_fits(self) -> Self:
        if self.operand_bits_max < self.operand_bits:
            raise ValueError("operand_bits_max must not be smaller than operand_bits")
        return self

    @model_validator(mode="after")
    def _block_belongs(self) -> Self:
        if (self.block is None) == (self.dataflow == "output_block"):
            raise ValueError('dataflow = "output_block" and a [array.block] table need each other')
        if self.block and self.cols != self.block.unit_height * self.block.unit_width * self.block.unit_depth:
            raise ValueError("cols must be unit_height * unit_width * unit_depth of [array.block]")
        if self.block and self.rows * self.block.step_cycles < self.block.step_channels:
            raise ValueError("step_channels of [array.block] must not exceed rows * step_cycles")
        return self

    @property
    def second_port_bits(self) -> int:
        """Width of the second operand's port."""
        return self.second_operand_bits or self.operand_bits
