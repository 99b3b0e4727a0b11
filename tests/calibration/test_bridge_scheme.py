"""The scheme of bridge activations as an option of its own: there it leaves no choice, elsewhere it changes nothing."""

from __future__ import annotations

import pytest
from small_models import small_graph, small_plan

from bittrue.calibration.bridge import bridge_activations
from bittrue.calibration.options import BridgeScheme, CalibrationOptions
from bittrue.spec.errors import BadInput

BRIDGES = set(bridge_activations(small_graph()))


@pytest.mark.parametrize("scheme", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("elsewhere", ["symmetric", "asymmetric"])
def test_minmax_takes_it_at_bridges_alone(scheme: BridgeScheme, elsewhere: str) -> None:
    """Every tensor has the plan of the network whose scheme is, throughout, that of its place."""
    options = CalibrationOptions(activation_scheme=elsewhere, bridge_scheme=scheme)  # type: ignore[arg-type]
    found = small_plan(options).tensors
    there, others = (
        small_plan(CalibrationOptions(activation_scheme=each)).tensors  # type: ignore[arg-type]
        for each in (scheme, elsewhere)
    )
    assert BRIDGES and set(found) - BRIDGES
    for name, tensor in found.items():
        assert tensor == (there if name in BRIDGES else others)[name]


@pytest.mark.parametrize("scheme", ["symmetric", "asymmetric"])
def test_q_hyvit_searches_the_scheme_elsewhere_alone(scheme: BridgeScheme) -> None:
    """At bridges the scheme is the one that was asked for; the search finds both schemes in the other tensors."""
    options = CalibrationOptions(method="q-hyvit", bridge_scheme=scheme)
    found = small_plan(options).tensors
    padded = small_plan(CalibrationOptions(method="minmax", activation_scheme=scheme)).tensors
    assert {found[name].scheme for name in BRIDGES} == {padded[name].scheme for name in BRIDGES} == {scheme}
    assert {tensor.scheme for name, tensor in found.items() if name not in BRIDGES} == {"symmetric", "asymmetric"}


def test_searched_is_the_default() -> None:
    """Who does not ask for a scheme of bridge blocks gets none."""
    assert CalibrationOptions().bridge_scheme == "searched"


def test_another_word_is_refused() -> None:
    """With the words that there are."""
    with pytest.raises(BadInput, match="unknown choice") as refused:
        CalibrationOptions(bridge_scheme="odd").check(("minmax",))  # type: ignore[arg-type]
    assert "--bridge-scheme" in str(refused.value) and "searched" in str(refused.value)
