"""Kinds of add unit, one a file; `[add] kind = "..."` of a datapath chooses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bittrue.spec.units.add.float32 import Float32Add
from bittrue.spec.units.add.power_of_two import PowerOfTwoAdd
from bittrue.spec.units.add.rescale import RescaleAdd
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd
from bittrue.spec.units.add.unit import AddUnit

AnyAdd = Annotated[
    TwoMultipliersAdd | RescaleAdd | Float32Add | PowerOfTwoAdd,
    Field(discriminator="kind"),
]

__all__ = ["AddUnit", "AnyAdd", "Float32Add", "PowerOfTwoAdd", "RescaleAdd", "TwoMultipliersAdd"]
