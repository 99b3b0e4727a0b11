"""hardswish and hardsigmoid, fast; see spec/units/activation/hardswish.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import clamp, wrap
from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, each, flat, results
from bittrue.spec.units.activation import Hardswish
from bittrue.spec.units.section import Arrays


def run(unit: Hardswish, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "gate", "product" and "output" of that shape."""
    found = results(arrays, *unit.stages, "output")
    zero_point, three, six = each(arrays, "input_zero_point", "three", "six")
    _gated(
        codes_of(arrays),
        zero_point,
        three,
        six,
        np.array(unit.sixth_shifts, np.int64),
        unit.product,
        0 if unit.sum_bits is None else unit.sum_bits,
        unit.output_shift,
        0 if unit.output_bits is None else unit.output_bits,
        *flat(found),
    )
    return found


@jit
def _gated(
    codes: Flat,
    zero_point: Flat,
    three: Flat,
    six: Flat,
    sixth_shifts: Flat,
    with_product: bool,
    sum_bits: int,
    output_shift: int,
    output_bits: int,
    gate: Flat,
    product: Flat,
    output: Flat,
) -> None:
    for i in range(codes.size):
        x = codes[i] - zero_point[i % zero_point.size]
        shifted = x + three[i % three.size]
        if sum_bits:
            shifted = wrap(shifted, sum_bits)
        gate[i] = clamp(shifted, 0, six[i % six.size])
        product[i] = x * gate[i] if with_product else gate[i]
        value = product[i]
        if sixth_shifts.size:
            value = np.int64(0)
            for s in sixth_shifts:
                value += product[i] >> s
            value >>= output_shift
            if output_bits:
                value = wrap(value, output_bits)
        output[i] = value
