"""Kinds of softmax unit, one a file; `[softmax] kind = "..."` of a datapath chooses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bittrue.spec.units.softmax.gemmlowp import GemmlowpSoftmax
from bittrue.spec.units.softmax.hyq import HyqSoftmax
from bittrue.spec.units.softmax.ibert import IbertSoftmax
from bittrue.spec.units.softmax.ita import ItaSoftmax
from bittrue.spec.units.softmax.ivit import IvitSoftmax
from bittrue.spec.units.softmax.log_int import LogIntSoftmax
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.units.softmax.unit import ProbabilityFormat, SoftmaxUnit
from bittrue.spec.units.softmax.unnormalised import UnnormalisedSoftmax

AnySoftmax = Annotated[
    TableSoftmax
    | GemmlowpSoftmax
    | IbertSoftmax
    | IvitSoftmax
    | LogIntSoftmax
    | ItaSoftmax
    | HyqSoftmax
    | UnnormalisedSoftmax,
    Field(discriminator="kind"),
]

__all__ = [
    "AnySoftmax",
    "GemmlowpSoftmax",
    "HyqSoftmax",
    "IbertSoftmax",
    "ItaSoftmax",
    "IvitSoftmax",
    "LogIntSoftmax",
    "ProbabilityFormat",
    "SoftmaxUnit",
    "TableSoftmax",
    "UnnormalisedSoftmax",
]
