"""The cost model held against others: what is compared, what is refused, what is written."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from shared_data import SHARED, need

from bittrue.hw_configs.load import load_machine
from bittrue.reports.cost_data import CostComparison, CostPoint, LeftOut, geometric_error
from bittrue.reports.cost_tables import COMMAND, outliers, page_parts, summary
from bittrue.reports.page_tables import END, begin
from bittrue.simulator.cost.report import CostReport, step_costs
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.op import Gemm
from bittrue.workflow.bench_cost import CostRequest, bench_cost
from bittrue.workflow.costs.calls import layer_call
from bittrue.workflow.costs.layers import drawn_layers, layers
from bittrue.workflow.costs.peer import Peer
from bittrue.workflow.costs.rtl import rtl_points
from bittrue.workflow.costs.scale_sim import closed_form, formula_points


def test_every_product_of_six_networks_takes_scale_sims_cycles() -> None:
    """All convolutions that are not depthwise and all products, three dataflows, three array sides: ratio 1."""
    points = list(formula_points())
    assert len(points) == 9 * len(layers("conv2d", "fully_connected", "matmul"))
    assert [point for point in points if point.ours != point.theirs] == []


@pytest.mark.parametrize(
    ("side", "flow", "gemm", "cycles"),
    [(8, "ws", Gemm(1, 20, 12, 30), 335), (8, "os", Gemm(1, 20, 12, 30), 263), (4, "is", Gemm(1, 7, 12, 9), 131)],
)
def test_the_closed_form_is_what_the_tool_gave(side: int, flow: str, gemm: Gemm, cycles: int) -> None:
    """Runs of scalesim 3.0.0."""
    assert closed_form(gemm, side, flow) == cycles


def test_the_stored_layers_are_those_of_the_networks() -> None:
    """Every product in the traced operators of the six models, as often as they have it."""
    folder = need(SHARED / "ops")
    traced: Counter[tuple[int, int, int, int]] = Counter()
    for file in sorted(folder.glob("*.csv")):
        for row in csv.DictReader(file.read_text().splitlines()):
            shapes = [[int(side) for side in shape.split("x")] for shape in row["in_shapes"].split(";") if "x" in shape]
            if row["kind"] in ("conv_std", "conv_pw"):
                _, channels, height, width = (int(side) for side in row["out_shape"].split("x"))
                traced[1, height * width, channels, int(row["K"])] += 1
            elif row["kind"] == "linear":
                traced[1, shapes[0][0], int(row["out_shape"].split("x")[1]), int(row["K"])] += 1
            elif row["kind"] == "matmul":
                batch, rows, inner = shapes[0]
                traced[batch, rows, shapes[1][2], inner] += 1
    stored: Counter[tuple[int, int, int, int]] = Counter()
    for layer in layers("conv2d", "fully_connected", "matmul"):
        assert layer.gemm is not None
        stored[layer.gemm.batch, layer.gemm.m, layer.gemm.n, layer.gemm.k] += layer.times
    assert stored == traced


def test_every_layer_is_a_step() -> None:
    """Stored and drawn layers become calls whose work is the layer's, with names of their own."""
    names = [layer.name for layer in layers()]
    assert len(names) == len(set(names))
    assert not {layer.name for layer in drawn_layers()} & set(names)
    for layer in (*layers()[::20], *drawn_layers()):
        call = layer_call(layer)
        assert call.op.work(call).gemm == layer.gemm
        assert call.output.size == layer.out_elements


def _report() -> CostReport:
    machine = load_machine("iot_npu")
    return CostReport("m", "d", "iot_npu", machine, step_costs([layer_call(layers("fully_connected")[0])], machine))


def test_cycles_of_rtl_are_read_from_a_file(tmp_path: Path) -> None:
    """A point for each step; a step that the program lacks and a file that is none are refused."""
    path = tmp_path / "cycles.csv"
    path.write_text("step,cycles\nlayer,1000\n")
    (point,) = rtl_points(path, _report())
    assert isinstance(point, CostPoint)
    assert (point.theirs, point.ours) == (1000, _report().steps[0].compute_cycles)
    for text in ("step,cycles\nother,1000\n", "step,cycles\nlayer,fast\n", "a,b\n1,2\n", "step,cycles\nlayer,0\n"):
        path.write_text(text)
        with pytest.raises(BadInput):
            list(rtl_points(path, _report()))


def test_a_missing_peer_is_told_how_to_get(tmp_path: Path) -> None:
    """The refusal names the make target."""
    with pytest.raises(BittrueError, match="Vela is not installed") as refused:
        Peer("Vela", tmp_path / ".venv-vela").program("vela")
    assert "make" in str(refused.value)


@pytest.mark.parametrize(
    "request_",
    [CostRequest(parts=("nobody",)), CostRequest(parts=("rtl",))],
)
def test_a_request_that_cannot_be_met_is_refused(request_: CostRequest) -> None:
    """An unknown peer; RTL without its files."""
    with pytest.raises(BadInput):
        bench_cost(request_)


def test_the_page_gets_the_tables_of_what_was_compared(tmp_path: Path) -> None:
    """Only between the markers; CSV and JSON beside it; a page without markers is refused."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin(COMMAND, 'scale-sim')}old\n{END}after\n")
    found = bench_cost(CostRequest(parts=("scale-sim",)), out=tmp_path, page=page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| 16 x 16 | cycles | weight_stationary |" in text
    assert len((tmp_path / "cost_comparison.csv").read_text().splitlines()) == 1 + len(found.points)
    page.write_text("nothing")
    with pytest.raises(BadInput, match="markers"):
        bench_cost(CostRequest(parts=("scale-sim",)), page=page)


def test_errors_are_geometric_and_outliers_are_listed() -> None:
    """1/2 and 2 are errors of 2, though their mean ratio is 1.25; beyond a quarter either way a layer has a line."""
    points = tuple(
        CostPoint("vela", "m", "conv2d", name, "cycles", 100, ours, "NPU 100", "array 1")
        for name, ours in (("a", 50), ("b", 200), ("c", 101))
    )
    assert geometric_error([0.5, 2]) == pytest.approx(2)
    assert [line[1] for line in outliers(points)] == ["a", "b"]
    (line,) = summary(points)
    assert line[3:] == ("3", "59.3 %", "0.500", "2.000")
    left = LeftOut("vela", "m", "d", "SOFTMAX on the CPU")
    parts = page_parts(CostComparison(points, (left,)))
    assert "Not scored: d on m (SOFTMAX on the CPU)." in parts["vela"]
