"""Norm units that are nearly right."""

from __future__ import annotations

import numpy as np

from bittrue.golden.diagnosis.rule import Rule, field, fields, port, stale
from bittrue.golden.diagnosis.rules.requantize import ROUNDED, code_bits, saturations, shifts, zero_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.vectors import Stimuli


def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a norm by exact statistics might do."""
    unit = datapath.norm
    if not isinstance(unit, ExactNorm):
        return []
    return [
        *(field("norm", "rounding", rule.value, says) for rule, says in ROUNDED.items() if rule is not unit.rounding),
        *zero_points(),
        *saturations(code_bits(stimuli)),
        *shifts("shift"),
        port("multiplier", np.abs, "|multiplier|", "gamma loses its sign"),
        port("multiplier", lambda m: m & 0xFFFF, "multiplier&0xffff", "gamma is read as unsigned"),
        port("multiplier", np.negative, "-multiplier", "gamma has the wrong sign"),
        port("bias", np.zeros_like, "bias=0", "beta is not added"),
        port("bias", np.negative, "-bias", "beta is subtracted"),
        port(
            "multiplier",
            lambda m: np.roll(m, 1, axis=-1),
            "gamma a channel late",
            "gamma is that of the channel before",
        ),
        port("bias", lambda b: np.roll(b, 1, axis=-1), "beta a channel late", "beta is that of the channel before"),
        port("epsilon", lambda e: e + 1, "epsilon+1", "epsilon is one too large"),
        *(
            fields("norm", {"fraction_bits": bits}, f"normalized values have {bits} fraction bits")
            for bits in (unit.fraction_bits - 1, unit.fraction_bits + 1, 8, 12)
            if bits != unit.fraction_bits
        ),
        *(
            fields(
                "norm",
                {name: bits, "statistics_overflow": overflow},
                f"the {register} of a row has {bits} bits and {overflow}s",
            )
            for name, register in (("sum_bits", "sum"), ("sum_of_squares_bits", "sum of squares"))
            for bits in range(10, getattr(unit, name))
            for overflow in ("wrap", "saturate")
        ),
        *stale("codes"),
        port("codes", lambda x: x & 255, "codes&255", "codes are read as unsigned bytes"),
    ]
