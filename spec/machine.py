"""Machine: everything about a piece of hardware that changes a cycle or a picojoule, and no bit.

For hardware architects. Read from TOML by `bittrue.hw_configs`, used by `simulator/cost`. Units stand
in the names (MB/s are 10**6 bytes a second, KiB are 1024 bytes); every number names its source in the
section's `source` table, or says "assumption: ..." with the reason. What each key does to a result:
docs/hardware.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed

Count = Annotated[int, Field(ge=1)]
Cycles = Annotated[int, Field(ge=0)]
Picojoule = Annotated[float, Field(ge=0)]
Dataflow = Literal["weight_stationary", "output_stationary", "input_stationary"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    source: dict[str, str] = Field(default_factory=dict)
    """Where each number of the section comes from, by key. Other keys may have one."""

    @model_validator(mode="after")
    def _every_number_has_a_source(self) -> Self:
        numbers = [
            key
            for key in type(self).model_fields
            if key != "format_version" and type(getattr(self, key)) in (int, float)
        ]
        without = [key for key in numbers if not self.source.get(key, "").strip()]
        if without:
            raise ValueError(f"a number has no source: {', '.join(without)}; name it in this section's `source` table")
        unknown = sorted(set(self.source) - set(type(self).model_fields))
        if unknown:
            raise ValueError(f"a source is given for a key that does not exist: {', '.join(unknown)}")
        return self


class Array(_Section):
    """The systolic MAC array."""

    rows: Count
    cols: Count
    dataflow: Dataflow
    """Which operand stays in the cells: rows x cols hold k x n (weight), m x n (output) or k x m (input)."""
    operand_bits: Annotated[int, Field(ge=2, le=16)]
    """Width of a cell's multiplier ports. A wider operand takes ceil(bits / operand_bits) passes."""
    operand_bits_max: Annotated[int, Field(ge=2, le=32)]
    """The widest operand that the array takes, in passes."""

    @model_validator(mode="after")
    def _port_fits(self) -> Self:
        if self.operand_bits_max < self.operand_bits:
            raise ValueError("operand_bits_max must not be smaller than operand_bits")
        return self


class CyclesPerElement(_Section):
    """Cycles for which one element occupies one lane (or one iterative unit); keys: spec.op.VectorOp."""

    requantize: Cycles
    table: Cycles
    add: Cycles
    multiply: Cycles
    compare: Cycles
    divide: Cycles
    root: Cycles
    move: Cycles


class VectorUnit(_Section):
    """Everything that is no MAC: requantization, tables, softmax, norms, elementwise ops, copies."""

    lanes: Count
    """Elements that the pipelined kinds process side by side."""
    iterative_units: Count
    """Dividers and root extractors, which `divide` and `root` use instead of the lanes."""
    overlaps_array: bool
    """Whether the unit works while the array does, on what the array has finished."""
    cycles_per_element: CyclesPerElement


class Buffers(_Section):
    """On-chip SRAM. Reads and writes have ports of their own; so has the DMA (double buffering)."""

    activation_kib: Count
    weight_kib: Count
    activation_bytes_per_cycle: Count
    """What the activation buffer delivers, and what it takes, in a cycle."""
    weight_bytes_per_cycle: Count


class Dma(_Section):
    """The engine between the buffers and all external memories."""

    bytes_per_cycle: Count


class ExternalMemory(_Section):
    """A memory outside the chip."""

    bandwidth_mb_per_s: Count
    burst_bytes: Count
    latency_cycles: Cycles
    """From a request to its first byte."""
    outstanding_bursts: Count
    """Bursts in flight at once: `outstanding_bursts * burst_bytes / latency_cycles` also limits the rate."""
    energy_pj_per_byte: Picojoule


class VectorEnergy(_Section):
    """Energy of one element operation; keys: spec.op.VectorOp."""

    requantize_pj: Picojoule
    table_pj: Picojoule
    add_pj: Picojoule
    multiply_pj: Picojoule
    compare_pj: Picojoule
    divide_pj: Picojoule
    root_pj: Picojoule
    move_pj: Picojoule


class Energy(_Section):
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


class Machine(_Section):
    """A complete machine; see the sections for the meaning of each field."""

    format_version: Literal[1]
    name: str
    description: str
    clock_mhz: Count
    weights_in: Literal["dram", "flash"]
    """The memory from which weights and other constants stream."""
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
