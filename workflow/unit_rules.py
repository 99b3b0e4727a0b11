"""A unit under rules that are not its datapath's: what a diagnosis tries. No refusal stands in front of it."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units import UNITS
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.activation.unit import Function
from bittrue.spec.units.catalog import unit_form
from bittrue.spec.vectors import Stimuli


def run_unchecked(datapath: Datapath, stimuli: Stimuli) -> dict[str, NDArray[np.int64]]:
    """Every stage and "output" of a unit on stimuli, defaults filled in.

    Unlike `workflow.unit`, operands that the contract refuses are taken: a wrong rule may well read a multiplier's
    top bit as a sign. Activation units alone refuse what they refuse. What the kernel then makes is a guess about a
    design, never a golden value.
    """
    form = unit_form(datapath, stimuli.unit)
    arrays = {port.name: np.array(port.default, np.int64) for port in form.ports if port.default is not None}
    known = {port.name for port in form.ports}
    arrays |= {name: array for name, array in stimuli.arrays.items() if name in known}
    if stimuli.unit in get_args(Function):
        form.check(arrays)  # they address memories by codes: a rule that reads behind an end says nothing
    return dict(UNITS[stimuli.unit](datapath, arrays))
