"""ITA's attention head and feed-forward block, written by hand, against what its RTL produced."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from shared_data import SHARED, need

from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.spec.program import Program
from bittrue.spec.tensors import Codes

EXAMPLE = Path(__file__).parents[2] / "examples" / "ita_layer.py"
RTL = {
    "Q": "Qp",
    "K": "Kp",
    "V": "Vp_T",
    "A": "A_logits",
    "O": "O_soft",
    "Out": "Out",
    "FF1_act": "FF1_act",
    "FF2": "FF2",
}
"""Tensor of the programs -> array of the RTL's run."""

Run = Callable[[Program, dict[str, Codes]], dict[str, Codes]]


def example() -> ModuleType:
    """The example as a module; it is no part of the package."""
    spec = importlib.util.spec_from_file_location("ita_layer", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def layer() -> dict[str, np.ndarray]:
    """Inputs, constants and stages of one layer of the RTL."""
    with np.load(need(SHARED / "vectors" / "ita_layer_S64_E64_P64_F64_gelu.npz"), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def simulated(program: Program, given: dict[str, Codes]) -> dict[str, Codes]:
    """Every tensor by the simulator."""
    return dict(Simulator(program).run(given).tensors)


def judged(program: Program, given: dict[str, Codes]) -> dict[str, Codes]:
    """Every tensor by the reference."""
    return dict(Reference(program).run(given).tensors)


@pytest.mark.parametrize("run", [simulated, judged])
def test_every_stage_equals_the_rtl(run: Run) -> None:
    """Q, K, V, logits, softmax times V, output, hidden activation and output: 8 x 4,096 codes."""
    module, arrays = example(), layer()
    found = run(module.attention(arrays), {"q": arrays["q"], "k": arrays["k"]})
    found |= run(module.feed_forward(arrays), {"FF": arrays["FF"]})
    for name, stage in RTL.items():
        expected = arrays[f"rtl_{stage}"]
        codes = found[name].T if name == "V" else found[name]
        assert np.array_equal(codes, expected), name


def test_a_wrong_rounding_is_seen() -> None:
    """With one multiplier off by one, the RTL's output is not met: the comparison can fail."""
    module, arrays = example(), layer()
    arrays["attn_mult"] = arrays["attn_mult"] + np.uint8(1)
    found = simulated(module.attention(arrays), {"q": arrays["q"], "k": arrays["k"]})
    assert not np.array_equal(found["Out"], arrays["rtl_Out"])
