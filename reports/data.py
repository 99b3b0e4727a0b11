"""What a report page shows, as plain values: no room's types are needed to fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from bittrue.spec.errors import BadInput


class Fact(NamedTuple):
    """One line of a table: ("top-1 agreement", "99.2 %", "497 of 501 images")."""

    label: str
    value: str
    note: str = ""


class Sqnr(NamedTuple):
    """Signal to quantization noise of one tensor against the float model."""

    tensor: str
    sqnr_db: float
    """May be infinite (no difference) or not a number (no signal)."""


class FileLink(NamedTuple):
    """A file that belongs to the report; its path counts from the page's folder."""

    label: str
    path: str


@dataclass(frozen=True)
class CostRow:
    """One step's cost on one machine."""

    step: str
    op: str
    bound: str
    """What the step waits for: "compute", "vector", "buffer", "memory" or "none"."""
    macs: int
    cycles: int
    compute_cycles: int
    vector_cycles: int
    buffer_cycles: int
    memory_cycles: int
    utilisation: float
    """0..1."""
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    energy_pj: Mapping[str, float]
    """By event, in the order in which a reader should meet them."""


@dataclass(frozen=True)
class ReportData:
    """Everything on a page. Sections without rows are left out."""

    title: str
    summary: str
    """One sentence: what was found."""
    provenance: Mapping[str, str]
    """Model, weights digest, program digest, datapath, machine, method, versions, command."""
    headline: tuple[Fact, ...] = ()
    """The few figures that a reader looks for first."""
    accuracy: tuple[Fact, ...] = ()
    sqnr: tuple[Sqnr, ...] = ()
    """In network order."""
    worst_drop: str = ""
    """The tensor whose SQNR falls most below its predecessor's; marked in the plot."""
    cost: tuple[CostRow, ...] = ()
    files: tuple[FileLink, ...] = field(default=())

    def __post_init__(self) -> None:
        known = {entry.tensor for entry in self.sqnr}
        if self.worst_drop and self.worst_drop not in known:
            raise BadInput("the worst drop names a tensor without an SQNR", got=self.worst_drop)
        for link in self.files:
            path = PurePosixPath(link.path)
            if path.is_absolute() or "\\" in link.path or not path.parts:
                raise BadInput("a report links only to files beside it", got=link.path, expected="a relative path")
