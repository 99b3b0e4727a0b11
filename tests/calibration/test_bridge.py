"""Bridge blocks are found from the graph, in models of several families."""

from __future__ import annotations

import pytest
import timm
from small_models import small_graph

from bittrue.calibration.bridge import Bridge, activations_of, bridge_activations, find_bridges
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph

ZERO, ONE = (0.0,) * 3, (1.0,) * 3


def exported(name: str, side: int) -> FloatGraph:
    """A timm model without trained weights."""
    module = timm.create_model(name, num_classes=10).eval()
    return export_graph(module, model=name, side=side, mean=ZERO, std=ONE)


def weighted(graph: FloatGraph, bridge: Bridge) -> list[str]:
    """The layers of a block, by the last part of their module's path that says something."""
    return [name for name in bridge.nodes if graph.by_name[name].kind in ("conv2d", "linear")]


def test_mobilevit_has_a_way_in_and_a_way_out_a_block() -> None:
    """Three MobileViT blocks: conv_kxk, conv_1x1, qkv on the way in; conv_proj and conv_fusion on the way out."""
    graph = exported("mobilevit_xxs", 64)
    found = [(bridge.way, weighted(graph, bridge)) for bridge in find_bridges(graph)]
    expected: list[tuple[str, list[str]]] = []
    for stage in ("stages.2.1", "stages.3.1", "stages.4.1"):
        inside = [f"{stage}.conv_kxk.conv", f"{stage}.conv_1x1", f"{stage}.transformer.0.attn.qkv"]
        expected.append(("in", inside))
        expected.append(("out", [f"{stage}.conv_proj.conv", f"{stage}.conv_fusion.conv"]))
    assert found == expected


def test_a_block_ends_where_something_else_reads_it() -> None:
    """The way in is judged at the residual stream and at qkv, the way out at the fused image."""
    way_in, way_out = find_bridges(exported("mobilevit_xxs", 64))[:2]
    assert way_in.ends == ("stages.2.1.conv_1x1", "stages.2.1.transformer.0.attn.qkv")
    assert way_out.ends == ("stages.2.1.conv_fusion.conv",)
    assert "stages.2.1.transformer.0.norm1" in way_in.nodes
    assert way_out.nodes[0] == "stages.2.1.norm"


def test_mobilevitv2_has_no_fusion() -> None:
    """Its way out is one projection behind the last norm, whose linear layers are convolutions as well."""
    graph = exported("mobilevitv2_050", 64)
    found = find_bridges(graph)
    assert [bridge.way for bridge in found] == ["in", "out"] * 3
    assert weighted(graph, found[1]) == ["stages.2.1.conv_proj.conv"]
    assert weighted(graph, found[0])[-1] == "stages.2.1.transformer.0.attn.qkv_proj"


@pytest.mark.parametrize(("name", "side"), [("efficientformer_l1", 224), ("deit_tiny_patch16_224", 224)])
def test_other_families(name: str, side: int) -> None:
    """One change to tokens and none back: both end in a classifier on tokens."""
    found = find_bridges(exported(name, side))
    assert [bridge.way for bridge in found] == ["in"]


def test_no_bridge_without_a_change() -> None:
    """The small model's attention reads a sum with the stem, its way in; it never turns back into an image."""
    assert [bridge.way for bridge in find_bridges(small_graph())] == ["in"]


def test_bridge_activations_are_what_the_blocks_read() -> None:
    """Through layout nodes: the block's input and the skip of its concat, but nothing that others alone read."""
    graph = exported("mobilevit_xxs", 64)
    way_in, way_out = find_bridges(graph)[:2]
    assert activations_of(graph, way_in) == (
        "stages.2.0.conv3_1x1.conv",
        "stages.2.1.conv_kxk.conv",
        "stages.2.1.conv_kxk.bn.act",
        "stages.2.1.conv_1x1",
        "stages.2.1.transformer.0.norm1",
    )
    assert activations_of(graph, way_out) == (
        "stages.2.0.conv3_1x1.conv",
        "stages.2.1.transformer.1.add_1",
        "stages.2.1.norm",
        "stages.2.1.conv_proj.conv",
        "stages.2.1.conv_proj.bn.act",
        "stages.2.1.cat",
    )
    found = bridge_activations(graph)
    assert len(found) == len(set(found)) == 3 * (5 + 5)
    assert bridge_activations(small_graph()) and small_graph().input not in bridge_activations(small_graph())
