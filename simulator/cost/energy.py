"""Energy of one step by event, in picojoules."""

from __future__ import annotations

from dataclasses import dataclass, fields

from bittrue.simulator.cost.parts import StepParts
from bittrue.simulator.cost.sizes import operands
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call, Gemm


@dataclass(frozen=True)
class EnergyPj:
    """Picojoules by event."""

    mac: float = 0.0
    """Products in the array."""
    accumulate: float = 0.0
    """Additions into the accumulator: proportional to the datapath's accumulator width."""
    vector: float = 0.0
    sram: float = 0.0
    dram: float = 0.0
    flash: float = 0.0
    leakage: float = 0.0

    @property
    def total(self) -> float:
        """Sum over events."""
        return sum(self._by_event())

    def __add__(self, other: EnergyPj) -> EnergyPj:
        pairs = zip(self._by_event(), other._by_event(), strict=True)
        return EnergyPj(*(mine + theirs for mine, theirs in pairs))

    def _by_event(self) -> tuple[float, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


def step_energy(call: Call, gemm: Gemm | None, parts: StepParts, cycles: int, machine: Machine) -> EnergyPj:
    """Energy of one step that lasts `cycles`. Idle cells cost leakage only."""
    price, external = machine.energy, parts.external
    mac, accumulate = (0.0, 0.0) if gemm is None else _product_pj(call, gemm, machine)
    read, written = parts.on_chip.read_bytes, parts.on_chip.write_bytes
    if machine.array.block is None:
        # What comes from outside is written into a buffer first, and what leaves is read from it.
        read, written = read + external.dram_write_bytes, written + external.read_bytes
    return EnergyPj(
        mac=mac,
        accumulate=accumulate,
        vector=sum(count * getattr(price.vector, f"{kind}_pj") for kind, count in parts.vector.items()),
        sram=read * price.sram_read_pj_per_byte + written * price.sram_write_pj_per_byte,
        dram=external.dram_bytes * machine.dram.energy_pj_per_byte,
        flash=external.flash_read_bytes * machine.flash.energy_pj_per_byte if machine.flash else 0.0,
        leakage=price.leakage_mw * cycles / machine.clock_mhz * 1000,  # mW * us = nJ
    )


def _product_pj(call: Call, gemm: Gemm, machine: Machine) -> tuple[float, float]:
    """Multiplications and accumulations: each pass of a wide operand adds into the accumulator again."""
    factors, price = operands(call), machine.energy
    multiply = gemm.macs * price.multiply_8x8_pj * factors.first_bits * factors.second_bits / 64
    additions = gemm.macs * factors.passes(machine.array)
    return multiply, additions * call.datapath.mac.accumulator_bits * price.accumulate_pj_per_bit
