"""The systolic array against SCALE-Sim: its closed form on every product of six networks, the tool on small ones."""

from __future__ import annotations

from collections.abc import Iterator

from bittrue.reports.cost_data import CostPoint
from bittrue.simulator.cost.array import array_cycles
from bittrue.simulator.cost.sizes import Operands
from bittrue.spec.machine import Array, Dataflow
from bittrue.spec.op import Gemm
from bittrue.workflow.costs.layers import layers
from bittrue.workflow.costs.peer import Peer

SIDES = (8, 16, 32)
FLOWS: dict[str, Dataflow] = {"ws": "weight_stationary", "os": "output_stationary", "is": "input_stationary"}
TOOL_ARRAYS = ((4, 4), (8, 8), (4, 8), (8, 3))
TOOL_GEMMS = (Gemm(1, 20, 12, 30), Gemm(1, 7, 12, 9), Gemm(1, 33, 5, 17), Gemm(1, 64, 16, 27), Gemm(1, 1, 40, 8))
INT8 = Operands(8, 8, True)


def int8_array(rows: int, cols: int, flow: Dataflow) -> Array:
    """An int8 array; memory plays no part."""
    source = dict.fromkeys(("rows", "cols", "operand_bits", "operand_bits_max"), "assumption: as compared")
    return Array(rows=rows, cols=cols, dataflow=flow, operand_bits=8, operand_bits_max=16, source=source)


def closed_form(gemm: Gemm, side: int, flow: str) -> int:
    """SCALE-Sim's compute cycles, written apart from simulator/cost.

    Samajdar et al., ISPASS 2020, for a square array with M output pixels, N filters and K = taps * channels; 75 runs
    of the tool obey it exactly.
    """
    m, n, k, batch = gemm.m, gemm.n, gemm.k, gemm.batch
    if flow == "ws":
        one = -(k // -side) * -(n // -side) * (3 * side + m - 2) - 1
    elif flow == "is":
        one = -(k // -side) * -(m // -side) * (3 * side + n - 2) - 1
    else:
        one = -(m // -side) * -(n // -side) * (2 * side + k - 2) - 1
    return batch * one


def formula_points() -> Iterator[CostPoint]:
    """Every dense convolution and product of the six networks, for three dataflows and array sides."""
    for layer in layers("conv2d", "fully_connected", "matmul"):
        gemm = layer.gemm
        assert gemm is not None
        for side in SIDES:
            for short, flow in FLOWS.items():
                ours = array_cycles(gemm, INT8, int8_array(side, side, flow))
                theirs = closed_form(gemm, side, short)
                yield CostPoint("scale-sim", f"{side} x {side}", flow, layer.name, "cycles", theirs, ours)


def tool_points(peer: Peer) -> Iterator[CostPoint]:
    """A few small products, run by SCALE-Sim itself."""
    cases = [(shape, short, gemm) for shape in TOOL_ARRAYS for short in FLOWS for gemm in TOOL_GEMMS]
    runs = [
        {"rows": rows, "cols": cols, "dataflow": flow, "m": gemm.m, "n": gemm.n, "k": gemm.k}
        for (rows, cols), flow, gemm in cases
    ]
    for ((rows, cols), short, gemm), theirs in zip(cases, peer.answers("scale_sim_worker.py", runs), strict=True):
        ours = array_cycles(gemm, INT8, int8_array(rows, cols, FLOWS[short]))
        name = f"{gemm.m} x {gemm.n} x {gemm.k}"
        yield CostPoint("scale-sim tool", f"{rows} x {cols}", FLOWS[short], name, "cycles", theirs, ours)
