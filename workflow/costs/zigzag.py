"""Latency and energy against ZigZag on its example machine gemm_l1, described again in zigzag_gemm_l1.toml."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files

from bittrue.hw_configs.load import load_machine
from bittrue.reports.cost_data import CostPoint, LeftOut
from bittrue.simulator.cost.report import step_costs
from bittrue.workflow.costs.calls import layer_call
from bittrue.workflow.costs.layers import layers
from bittrue.workflow.costs.peer import Peer


def zigzag_points(peer: Peer, *, limit: int | None) -> Iterator[CostPoint | LeftOut]:
    """Every distinct fully connected layer of the six networks, with its rows. Activations and weights lie in l1."""
    found = [layer for layer in layers("fully_connected") if layer.gemm and layer.gemm.m > 1][:limit]
    gemms = [layer.gemm for layer in found if layer.gemm]
    questions = [{"m": gemm.m, "n": gemm.n, "k": gemm.k} for gemm in gemms]
    with as_file(files("bittrue.workflow.costs").joinpath("zigzag_gemm_l1.toml")) as path:
        machine = load_machine(path)
    for layer, (energy, cycles) in zip(found, peer.answers("zigzag_worker.py", questions), strict=True):
        if isinstance(energy, str):
            yield LeftOut("zigzag", "gemm_l1", layer.name, energy)
            continue
        (cost,) = step_costs([layer_call(layer)], machine, external=frozenset())
        # ZigZag's only memory is l1, so what our model reads from outside it does not have.
        inside = cost.energy_pj.total - cost.energy_pj.dram - cost.energy_pj.vector
        units = max(cost.compute_cycles, cost.buffer_cycles)
        for quantity, theirs, ours in (("cycles", cycles, units), ("energy_pj", energy, inside)):
            yield CostPoint("zigzag", "gemm_l1", layer.kind, layer.name, quantity, theirs, ours)
