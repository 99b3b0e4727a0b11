"""Wide pre-activations cover what changes an output, and nothing else; fitted nodes halve the interpolation's error."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.lowering.activation.formats import Channel
from bittrue.calibration.lowering.activation.interpolated import lower
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.calibration.saturation import GRID, without_saturated
from bittrue.calibration.sites import find_sites
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.activation import InterpolatedActivation


def plan() -> QuantPlan:
    """With pre-activations of 16 bits."""
    options = CalibrationOptions(preactivation_bits=16, activation_granularity="channel")
    return calibrate_graph(small_graph(), pictures(4), PREPROCESSING, options, {"made": "test"})


def widened(held: TensorPlan, times: float) -> TensorPlan:
    """The same codes over a wider range."""
    return replace(
        held,
        scale=tuple(s * times for s in held.scale),
        low=tuple(v * times for v in held.low),
        high=tuple(v * times for v in held.high),
    )


def test_what_is_left_out_changes_no_output() -> None:
    """From a range ten times too wide: every value of it gives the output code that it gave."""
    made = plan()
    sites = {site.name: site for site in find_sites(made.graph)}
    wide = {name: widened(t, 10) if t.bits == 16 else t for name, t in made.tensors.items()}
    found = without_saturated(made.graph, sites, wide, wide_bits=12)
    drawn_in = [name for name in wide if found[name] != wide[name]]
    assert drawn_in
    for name in drawn_in:
        before, after = wide[name], found[name]
        (reader,) = made.graph.consumers[name]
        assert reader.kind == "function"
        assert after.scale[0] < 0.75 * before.scale[0]
        output = made.tensors[reader.name]
        x = torch.linspace(before.low[0], before.high[0], 10_001, dtype=torch.float64)
        held = fake_quantize_like(x[None], after)[0]
        lines = (len(output.scale), len(x))
        shaped = replace(output, axis=0 if output.axis is not None else None)
        codes = [fake_quantize_like(torch.nn.functional.silu(v).expand(lines)[None], shaped) for v in (x, held)]
        # A value within a 16-bit step of a boundary between two codes may fall to its other side.
        assert ((codes[0] - codes[1]).abs() > 0).double().mean() < 1e-3


def test_a_range_that_is_needed_stays() -> None:
    """What calibration has drawn in already is drawn in no further than by the grid's points at its ends."""
    made = plan()
    sites = {site.name: site for site in find_sites(made.graph)}
    again = without_saturated(made.graph, sites, made.tensors, wide_bits=12)
    for name, held in made.tensors.items():
        assert again[name].scale[0] >= held.scale[0] * (1 - 3 / GRID), name


def channel(
    function: str, scale_in: Fraction, scale_out: Fraction, *, bits: int, out: int, zero_in: int = 0
) -> Channel:
    """Signed codes on both sides."""
    return Channel(function, scale_in, zero_in, code_range(bits, True), scale_out, 0, code_range(out, True))


def table(samples: str, index_bits: int, given: Channel) -> list[int]:
    """The entries."""
    return [int(entry) for entry in lower(unit(samples, index_bits), given).constants["table"]]


def unit(samples: str, index_bits: int) -> InterpolatedActivation:
    """Few nodes, so that the interpolation's error is what shows."""
    return InterpolatedActivation(
        kind="interpolated", input_bits_max=16, output_bits_max=16, index_bits=index_bits, fraction_bits=0,
        rounding=Rounding.HALF_UP, samples=samples,
    )  # fmt: skip


def test_fitted_nodes_take_the_mean_out_of_the_error() -> None:
    """silu on [-8, 8) in 16 segments: against nodes on the curve the mean square is a sixth, as of parabolas 0.41^2."""
    given = channel("silu", Fraction(1, 4096), Fraction(1, 4096), bits=16, out=16)
    codes = np.arange(-(1 << 15), 1 << 15)
    exact = codes / 4096 / (1 + np.exp(-codes / 4096)) * 4096
    squares = {}
    for samples in ("nodes", "fitted"):
        found = np.interp(codes, np.arange(-(1 << 15), (1 << 15) + 1, 1 << 12), table(samples, 4, given))
        squares[samples] = float(np.mean((found - exact) ** 2))
    assert squares["fitted"] < 0.25 * squares["nodes"]


def test_fitted_nodes_by_hand() -> None:
    """relu over 16 codes in 4 segments of 4: one chord crosses the kink in its middle and lies 1 above it there."""
    given = channel("relu", Fraction(1), Fraction(1, 3), zero_in=2, bits=4, out=8)
    # Codes less the zero point run from -10 to 5: nodes at -10, -6, -2, 2, 6, in thirds 0, 0, 0, 6, 18; c is 3 in the
    # third segment, and both its ends go down by 2 / 3 of half of that.
    assert table("nodes", 2, given) == [0, 0, 0, 6, 18]
    assert table("fitted", 2, given) == [0, 0, -1, 5, 18]


def test_a_node_at_every_code_is_the_function() -> None:
    """Nothing lies between, so nothing is fitted."""
    given = channel("silu", Fraction(1, 8), Fraction(1, 16), bits=8, out=8)
    assert table("nodes", 8, given) == table("fitted", 8, given)
