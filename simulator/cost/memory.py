"""External traffic of one step and the cycles it takes.

Activations that are not resident (residency.py) are read and written by each step that touches them;
weights and other constants stream in once a step. Where both a weight and an input stream from outside
and neither fits its buffer, one of them must be fetched again: either the weight once for each piece of
the input that fits the activation buffer, or the input once for each piece of the weight that fits the
weight buffer. The faster of the two orders is taken.

Cycles of B bytes from one memory: max(ceil(B / bandwidth), (G - 1) * latency), where
G = ceil(ceil(B / burst) / outstanding) groups of bursts are in flight one after another. The first
latency is apart (`start_cycles`): nothing hides it. DRAM and flash work side by side; the DMA carries
the sum of both.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from bittrue.simulator.cost.sizes import constants_bytes, tensor_bytes
from bittrue.spec.machine import ExternalMemory, Machine
from bittrue.spec.op import Call, Gemm

KIB = 1024


@dataclass(frozen=True)
class ExternalTraffic:
    """Bytes of one step between the chip and its external memories."""

    dram_read_bytes: int = 0
    dram_write_bytes: int = 0
    flash_read_bytes: int = 0

    @property
    def dram_bytes(self) -> int:
        """Both directions."""
        return self.dram_read_bytes + self.dram_write_bytes

    @property
    def read_bytes(self) -> int:
        """Everything that comes in."""
        return self.dram_read_bytes + self.flash_read_bytes


def external_traffic(call: Call, gemm: Gemm | None, external: Set[str], machine: Machine) -> ExternalTraffic:
    """Bytes of one step, in the faster of the two orders of the module docstring."""
    read = {spec.name: spec for spec in call.inputs if spec.name in external}
    packed = machine.packs_codes
    inputs = sum(tensor_bytes(spec, packed) for spec in read.values())
    output = tensor_bytes(call.output, packed) if call.output.name in external else 0
    constants = constants_bytes(call.constants, packed)
    if gemm is None or not inputs or "weight" not in call.constants:
        return _traffic(inputs, output, constants, machine)
    input_pieces = -(-inputs // (machine.buffers.activation_kib * KIB))
    weight_pieces = -(-constants // (machine.buffers.weight_kib * KIB))
    orders = (
        _traffic(inputs * weight_pieces, output, constants, machine),
        _traffic(inputs, output, constants * input_pieces, machine),
    )
    return min(orders, key=lambda traffic: memory_cycles(traffic, machine))


def _traffic(inputs: int, output: int, constants: int, machine: Machine) -> ExternalTraffic:
    if machine.weights_in == "flash":
        return ExternalTraffic(inputs, output, constants)
    return ExternalTraffic(inputs + constants, output, 0)


def transfer_cycles(byte_count: int, memory: ExternalMemory, clock_mhz: int) -> int:
    """Cycles of one memory without its first latency; see the module docstring."""
    if byte_count == 0:
        return 0
    # MB/s over MHz is bytes a cycle; kept as a quotient of integers, so that it is exact.
    data = -(-byte_count * clock_mhz // memory.bandwidth_mb_per_s)
    bursts = -(-byte_count // memory.burst_bytes)
    groups = -(-bursts // memory.outstanding_bursts)
    return max(data, (groups - 1) * memory.latency_cycles)


def memory_cycles(traffic: ExternalTraffic, machine: Machine) -> int:
    """Cycles of the slowest of DRAM, flash and DMA, without the first latency."""
    total = traffic.dram_bytes + traffic.flash_read_bytes
    slowest = max(
        transfer_cycles(traffic.dram_bytes, machine.dram, machine.clock_mhz),
        -(-total // machine.dma.bytes_per_cycle),
    )
    if machine.flash is None:
        return slowest
    return max(slowest, transfer_cycles(traffic.flash_read_bytes, machine.flash, machine.clock_mhz))


def start_cycles(traffic: ExternalTraffic, machine: Machine) -> int:
    """The latency before a step's first byte arrives: the longest of the memories it reads."""
    latencies = [0]
    if traffic.dram_read_bytes:
        latencies.append(machine.dram.latency_cycles)
    if traffic.flash_read_bytes and machine.flash is not None:
        latencies.append(machine.flash.latency_cycles)
    return max(latencies)
