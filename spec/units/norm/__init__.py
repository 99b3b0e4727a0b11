"""Kinds of norm unit, one a file; `[norm] kind = "..."` of a datapath chooses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.units.norm.fq_vit import FqVitNorm
from bittrue.spec.units.norm.ibert import IbertNorm
from bittrue.spec.units.norm.ivit import IvitNorm
from bittrue.spec.units.norm.rsqrt_table import RsqrtTableNorm
from bittrue.spec.units.norm.unit import NormUnit

AnyNorm = Annotated[
    ExactNorm | RsqrtTableNorm | IbertNorm | IvitNorm | FqVitNorm,
    Field(discriminator="kind"),
]

__all__ = ["AnyNorm", "ExactNorm", "FqVitNorm", "IbertNorm", "IvitNorm", "NormUnit", "RsqrtTableNorm"]
