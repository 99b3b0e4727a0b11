"""concat: how inputs of different scales become one tensor.

requantize   every input passes the requantizer with a multiplier and a shift of its own
copy         codes move unchanged; all inputs have the output's width, scale and zero point (TFLite's CONCATENATION,
             in front of which the converter puts a QUANTIZE, i.e. the requantizer, where they differ)
table        every input has a table of output codes, indexed by code - lowest code. Lowering computes an entry in
             float32, each operation rounded half to even: clamp(rint(F(F(scale_x * (q - z)) / scale_y)) + zero_point);
             equal formats give the identity (ONNX Runtime's QLinearConcat, measured)
"""

from __future__ import annotations

from typing import Literal

from bittrue.spec.units.section import Section


class ConcatUnit(Section):
    """See the module docstring."""

    kind: Literal["requantize", "copy", "table"] = "requantize"
