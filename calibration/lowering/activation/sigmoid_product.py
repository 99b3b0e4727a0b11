"""The sigmoid table of a split SiLU, as spec/units/activation/sigmoid_product.py says."""

from __future__ import annotations

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, values
from bittrue.calibration.lowering.tables import FUNCTIONS, round_half_away
from bittrue.spec.units.activation import SigmoidProduct


def lower(unit: SigmoidProduct, channel: Channel) -> Lowered:
    """One entry for each input code."""
    one, sigmoid = 1 << unit.sigmoid_bits, FUNCTIONS["sigmoid"]
    least, most = channel.x_range
    entries = [min(round_half_away(sigmoid(x * channel.scale_in) * one), one - 1) for x in range(least, most + 1)]
    return Lowered({"table": values(*entries)}, channel.scale_in / one / channel.scale_out)
