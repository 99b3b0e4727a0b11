"""avg_pool2d: kinds of average pooling unit, by how they divide by the number of taps.

For the taps of one output, Q their codes, z and zero_point the zero points of input and output:

folded       accumulator   A = sum of (q - z) over the taps inside the image
             output        the requantizer on A; 1/(kh*kw), the whole window, is part of its multiplier. A step that
                           does not count its padding brings a multiplier for each n, with 1/n in it

divide       accumulator   A = sum of q over the taps inside the image: raw codes
             rounded       t = A / n rounded to an integer, n the number of taps inside the image
             output        y = clamp(t)
             Input and output have one scale and one zero point. TFLite's and CMSIS-NN's AVERAGE_POOL_2D with
             rounding = "half_away": t = (A + floor(n/2)) / n truncated for A > 0, (A - floor(n/2)) / n otherwise.

reciprocal   accumulator   A = sum of (q - z) over the taps inside the image, n their number
             rounded       t = round_shift(A * m, s), half up
             output        y = clamp(t + zero_point)
             k is the least integer with n <= 2**k;  m = floor((2**30 + 1) * 2**k / n),  s = 30 + k
             Input and output have one scale. TOSA 1.0 AVG_POOL2D with reciprocal_scale and apply_scale_32.

A runs in the MAC accumulator, rows first. A window of which no tap lies inside the image does not exist.
folded divides a window at the border by all its taps or by those inside, as the step says (torch's
count_include_pad); the others by those inside.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bittrue.spec.units.section import Section

Division = Literal["half_up", "half_away", "half_even", "floor", "toward_zero"]


class FoldedPool(Section):
    """See the module docstring."""

    kind: Literal["folded"] = "folded"


class DividePool(Section):
    """See the module docstring."""

    kind: Literal["divide"]
    rounding: Division


class ReciprocalPool(Section):
    """See the module docstring."""

    kind: Literal["reciprocal"]


AnyPool = Annotated[FoldedPool | DividePool | ReciprocalPool, Field(discriminator="kind")]
