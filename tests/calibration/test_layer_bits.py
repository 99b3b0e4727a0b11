"""Widths by patterns over layer names: who gets them, and what the widest of several readers means."""

from __future__ import annotations

import pytest
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.calibrate import calibrate_graph, observed
from bittrue.calibration.layer_bits import LayerBits
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.spec.errors import BadInput


def plan(*layers: LayerBits) -> QuantPlan:
    """Of the small model."""
    return calibrate_graph(small_graph(), pictures(2), PREPROCESSING, CalibrationOptions(), {}, layers=layers)


def test_patterns_choose_weights_and_operands() -> None:
    """Weights of the layers that match, and what they read; the last pattern counts, the others keep their bits."""
    found = plan(LayerBits("*", weight_bits=6), LayerBits("project", weight_bits=4, activation_bits=5))
    assert found.weights["project"].bits == 4
    assert {weight.bits for name, weight in found.weights.items() if name != "project"} == {6}
    read = found.graph.source(found.graph.by_name["project"].inputs[0])
    assert found.tensors[read].bits == 5
    others = {name: tensor.bits for name, tensor in found.tensors.items() if name != read}
    assert others == {name: tensor.bits for name, tensor in plan().tensors.items() if name != read}


def test_a_layer_that_does_not_exist_is_refused() -> None:
    """With names to choose from."""
    with pytest.raises(BadInput, match="no layer") as refused:
        plan(LayerBits("stages.9.*", weight_bits=4))
    assert "stem" in str(refused.value.expected)
    with pytest.raises(BadInput, match="out of range"):
        plan(LayerBits("*", weight_bits=1))


def test_what_was_observed_before_gives_the_same_plan() -> None:
    """Observations depend on graph, images and seed alone."""
    graph, images = small_graph(), pictures(2)
    seen = observed(graph, images, seed=0)
    again = calibrate_graph(graph, images, PREPROCESSING, CalibrationOptions(), {}, observations=seen)
    assert again.digest() == plan().digest()
