"""The machines ethos_u* against Vela: the cycles that Arm's compiler estimates for a model of one operator.

Vela runs with its own default system configuration and memory mode. In its mode Shared_Sram (U55) activations lie in
SRAM, in Dedicated_Sram (U65) inputs and outputs of a model lie in DRAM; the same is told to our model. What
Vela leaves to the CPU is listed, not scored.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bittrue.hw_configs.load import load_machine
from bittrue.reports.cost_data import CostPoint, LeftOut
from bittrue.simulator.cost.report import StepCost, step_costs
from bittrue.spec.machine import Machine
from bittrue.workflow.costs.calls import layer_call
from bittrue.workflow.costs.layers import Layer, drawn_layers, layers
from bittrue.workflow.costs.peer import Peer
from bittrue.workflow.costs.tflite_model import tflite_model
from bittrue.workflow.progress import Progress

ACCELERATORS = {
    "ethos_u55_128": "ethos-u55-128",
    "ethos_u55_256": "ethos-u55-256",
    "ethos_u65_256": "ethos-u65-256",
    "ethos_u65_512": "ethos-u65-512",
}
"""By our machine, Vela's --accelerator-config."""
PARTS = {"NPU": "NPU", "SRAM AC": "SRAM", "DRAM AC": "DRAM", "OffFlash AC": "flash"}
TIMEOUT_S = 300


@dataclass(frozen=True)
class Estimate:
    """What Vela says of one operator; an operator may become several."""

    cycles: float
    parts: str
    on_cpu: str = ""
    """Operators that are left to the CPU."""


def vela_points(
    peer: Peer, machines: Sequence[str], *, limit: int | None, progress: Progress
) -> Iterator[CostPoint | LeftOut]:
    """Every layer of the six networks, and shapes drawn at random, on each machine. limit: of the layers."""
    network, drawn = layers()[:limit], drawn_layers()
    for name in machines:
        machine = load_machine(name)
        for index, layer in enumerate((*network, *drawn)):
            progress(f"Vela, {name}", index, len(network) + len(drawn))
            estimate = _estimate(peer, layer, ACCELERATORS[name])
            if estimate.on_cpu:
                yield LeftOut("vela", name, layer.name, f"{estimate.on_cpu} on the CPU")
                continue
            cost = _ours(layer, machine)
            yield CostPoint(
                peer="vela",
                machine=name,
                group=layer.kind,
                layer=layer.name,
                quantity="cycles",
                theirs=estimate.cycles,
                ours=cost.cycles,
                their_parts=estimate.parts,
                our_parts=_parts(cost),
                drawn=layer.times == 0,
            )


def _ours(layer: Layer, machine: Machine) -> StepCost:
    call = layer_call(layer)
    outside = {spec.name for spec in (*call.inputs, call.output)} if machine.weights_in == "dram" else set()
    (cost,) = step_costs([call], machine, external=outside)
    return cost


def _parts(cost: StepCost) -> str:
    named = {
        "array": cost.compute_cycles,
        "vector": cost.vector_cycles,
        "SRAM": cost.buffer_cycles,
        "memory": cost.memory_cycles,
    }
    longest = max(named, key=lambda part: named[part])
    return f"{longest} {named[longest]:,} + start {cost.start_cycles:,}"


def _estimate(peer: Peer, layer: Layer, accelerator: str) -> Estimate:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "layer.tflite"
        model.write_bytes(tflite_model(layer))
        command = [
            str(peer.program("vela")),
            str(model),
            "--accelerator-config",
            accelerator,
            "--verbose-performance",
            "--output-dir",
            folder,
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        table = Path(folder) / "layer_per-layer.csv"
        if run.returncode or not table.exists():
            return Estimate(0, "", on_cpu=f"exit code {run.returncode}")
        with table.open(encoding="utf-8") as file:
            return _read(list(csv.DictReader(file)))


def _read(rows: list[dict[str, str]]) -> Estimate:
    host = sorted({row["NNG Operator"] for row in rows if row["Target"] != "NPU"})
    if host or not rows:
        return Estimate(0, "", on_cpu=", ".join(host) or "everything")
    totals = {part: sum(float(row[column]) for row in rows) for column, part in PARTS.items()}
    longest = max(totals, key=lambda part: totals[part])
    return Estimate(sum(float(row["Op Cycles"]) for row in rows), f"{longest} {totals[longest]:,.0f}")
