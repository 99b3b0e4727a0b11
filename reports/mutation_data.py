"""Mutation scores as rows: what the tables, the CSV files and the JSON hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MutationRow:
    """One unit against one kind of stimuli."""

    unit: str
    datapath: str
    stimuli: str
    vectors: int
    mutants: int
    gates: int
    """How many of the mutants are of kinds that the vectors were not written against."""
    killed: int
    """By any stage."""
    killed_by_output: int
    equivalent: int
    """Proved to be no fault."""
    repeated: int
    """Proofs that a second solver repeated."""
    survived: int

    @property
    def score(self) -> float:
        """Killed of those not proved equivalent, 0..1."""
        return self.killed / max(1, self.mutants - self.equivalent)

    @property
    def output_score(self) -> float:
        """The same for a bench that sees the output alone."""
        return self.killed_by_output / max(1, self.mutants - self.equivalent)

    def record(self) -> dict[str, object]:
        """Flat, for CSV and JSON."""
        return {**asdict(self), "score": round(self.score, 6), "output_score": round(self.output_score, 6)}


@dataclass(frozen=True)
class OperatorRow:
    """One operator on one unit."""

    unit: str
    family: str
    operator: str
    mutants: int
    equivalent: int
    survived: str
    """By kind of stimuli, "directed 0, uniform 3"."""

    def record(self) -> dict[str, object]:
        """Flat, for CSV and JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Survivor:
    """A mutant that a kind of stimuli overlooks and that nothing proves equivalent."""

    unit: str
    stimuli: str
    operator: str
    wire: str
    detail: str
    witness: str
    """Ports and values of a vector that notices it; empty where none is known."""

    def record(self) -> dict[str, object]:
        """Flat, for CSV and JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Proof:
    """A mutant that was proved equivalent."""

    unit: str
    operator: str
    wire: str
    detail: str
    proof: str

    def record(self) -> dict[str, object]:
        """Flat, for CSV and JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Mutation:
    """Everything that one run found."""

    rows: tuple[MutationRow, ...]
    operators: tuple[OperatorRow, ...]
    survivors: tuple[Survivor, ...]
    proofs: tuple[Proof, ...]
