"""Machine: everything about a piece of hardware that changes a cycle or a picojoule, and no bit.

For hardware architects. Read from TOML by `bittrue.hw_configs`, used by `simulator/cost`. Units stand
in the names (MB/s are 10**6 bytes a second, KiB are 1024 bytes); every number names its source in the
section's `source` table, or says "assumption: ..." with the reason. What each key does to a result:
docs/hardware.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.machine_array import Array as Array
from bittrue.spec.machine_array import Dataflow as Dataflow
from bittrue.spec.machine_array import OutputBlock as OutputBlock
from bittrue.spec.sourced import Count, Cycles, Picojoule, Section


class CyclesPerElement(Section):
    """Cycles for which one element occupies one lane (or one iterative unit); keys: spec.op.VectorOp."""

    requantize: Cycles
    table: Cycles
    add: Cycles
    multiply: Cycles
    compare: Cycles
    divide: Cycles
    root: Cycles
    move: Cycles


class Pass(Section):
    """One pass of an op that a vector unit composes of simpler ones, with its operands in memory."""

    name: str
    each: Literal["element", "row"]
    """What it is done once for: an element of the output, or a row (the last axis)."""
    unit: Literal["lanes", "array"]
    """`lanes`: lane_cycles / lanes cycles each; `array`: lane_cycles / pixels that the array works on side by side."""
    lane_cycles: Cycles
    memory_bytes: Cycles
    """Read and written in the activation buffer, or in DRAM where four bytes an element do not fit the chip."""
    constant_bytes: Cycles = 0
    """Read from the memory of the weights."""
    operations: Count = 1
    """Equal operations that follow one another; the other figures are of one."""


class VectorUnit(Section):
    """Everything that is no MAC: requantization, tables, softmax, norms, elementwise ops, copies."""

    lanes: Count
    """Elements that the pipelined kinds process side by side."""
    iterative_units: Count
    """Dividers and root extractors, which `divide` and `root` use instead of the lanes."""
    overlaps_array: bool
    """Whether the unit works while the array does, on what the array has finished."""
    cycles_per_element: CyclesPerElement
    passes: dict[str, Annotated[tuple[Pass, ...], Field(strict=False)]] = Field(default_factory=dict)
    """By the name of an op: the passes over memory that replace its element operations, one after another."""


class Buffers(Section):
    """On-chip SRAM. The DMA has a port of its own (double buffering)."""

    activation_kib: Count
    weight_kib: Count
    activation_bytes_per_cycle: Count
    """What the activation buffer delivers, and what it takes, in a cycle."""
    weight_bytes_per_cycle: Count
    banks: Count = 1
    """Of the activation buffer; only one with `ports = "single"` depends on them."""
    ports: Literal["read_write", "single"] = "read_write"
    """"read_write": a bank is read and written in one cycle. "single": a read and a write of one bank take turns."""
    shared_port: bool = False
    """Whether weights come through the activations' port (one memory for both)."""
    burst_bytes: Count = 1
    """A contiguous run of bytes that is shorter than this takes as long as this."""
    latency_cycles: Cycles = 0
    """From a request to its first byte: filling the pipeline of an array that works in blocks."""


class Dma(Section):
    """The engine between the buffers and all external memories."""

    bytes_per_cycle: Count
    double_buffers: bool = True
    """Whether transfers run beside the computation; else the units wait for them."""


class ExternalMemory(Section):
    """A memory outside the chip."""

    bandwidth_mb_per_s: Count
    burst_bytes: Count
    latency_cycles: Cycles
    """From a request to its first byte."""
    outstanding_bursts: Count
    """Bursts in flight at once: `outstanding_bursts * burst_bytes / latency_cycles` also limits the rate."""
    energy_pj_per_byte: Picojoule


class VectorEnergy(Section):
    """Energy of one element operation; keys: spec.op.VectorOp."""

    requantize_pj: Picojoule
    table_pj: Picojoule
    add_pj: Picojoule
    multiply_pj: Picojoule
    compare_pj: Picojoule
    divide_pj: Picojoule
    root_pj: Picojoule
    move_pj: Picojoule


class Energy(Section):
    """Energy by event on the chip; external memories bring their own."""

    multiply_8x8_pj: Picojoule
    """One product of 8 by 8 bits; a by b bits cost a * b / 64 of it."""
    accumulate_pj_per_bit: Picojoule
    """One addition into the accumulator, for each bit of the datapath's accumulator."""
    sram_read_pj_per_byte: Picojoule
    sram_write_pj_per_byte: Picojoule
    leakage_mw: Annotated[float, Field(ge=0)]
    """Static power of the chip, paid for as long as an inference lasts."""
    vector: VectorEnergy


class Machine(Section):
    """A complete machine; see the sections for the meaning of each field."""

    format_version: Literal[1]
    name: str
    description: str
    clock_mhz: Count
    weights_in: Literal["dram", "flash"]
    """The memory from which weights and other constants stream."""
    packs_codes: bool = False
    """Whether codes lie packed in every memory, bits / 8 bytes each; else each takes whole bytes."""
    fuses: bool = False
    """Whether a step that works element by element takes its input from the step before, through no memory."""
    step_start_cycles: Cycles = 0
    """Before every step: its description is read and the units are set up."""
    array: Array
    vector_unit: VectorUnit
    buffers: Buffers
    dma: Dma
    dram: ExternalMemory
    """Random access memory for the image, the result and every activation that does not fit on the chip."""
    flash: ExternalMemory | None = None
    """Read-only memory; needed where `weights_in` names it."""
    energy: Energy

    @model_validator(mode="after")
    def _weights_have_a_home(self) -> Self:
        if self.weights_in == "flash" and self.flash is None:
            raise ValueError('weights_in = "flash" needs a [flash] section')
        return self


@dataclass(frozen=True)
class HwConfig:
    """One Datapath and one Machine that fit together, under one name.

    Refused (IllFormed) where the array cannot take an operand that the datapath allows, and where the order of
    accumulation matters and the datapath's K tile is not the side along which the array reduces. An array is
    taken to feed the partial sums of one k fold into the next in ascending k.
    """

    name: str
    datapath: Datapath
    machine: Machine

    def __post_init__(self) -> None:
        widest = self.machine.array.operand_bits_max
        for key in ("activation_bits_max", "weight_bits_max", "probability_bits_max"):
            bits = getattr(self.datapath.mac, key)
            if bits > widest:
                raise IllFormed(
                    "the machine's array cannot take the datapath's operands",
                    where=f"config {self.name}",
                    got=f"datapath {self.datapath.name}: mac.{key} = {bits}",
                    expected=f"at most {widest} bits (machine {self.machine.name}: array.operand_bits_max)",
                    next_step=f"narrow mac.{key}, or pair the datapath with a machine of wider operands",
                )
        tile, rows = self.datapath.mac.k_tile, self.machine.array.rows
        if self.datapath.mac.ordered and tile not in (0, rows):
            raise IllFormed(
                "the machine's array adds other tiles than the datapath",
                where=f"config {self.name}",
                got=f"datapath {self.datapath.name}: mac.k_tile = {tile}",
                expected=f"{rows} (machine {self.machine.name}: array.rows)",
                next_step="give the datapath the array's k_tile, or the machine other rows",
            )
