"""Errors of arithmetic units against float64, as plain values: tables and figures are made from these alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ErrorRow:
    """One unit on one set of inputs. Errors are found minus exact, in real units; of a reciprocal root, relative."""

    unit: str
    """"softmax", "norm", "silu", "gelu", "exp" or "rsqrt"."""
    kind: str
    """Its algorithm, and what sets it apart from others of the kind."""
    case: str
    """The inputs."""
    values: int
    """How many were compared."""
    step: float
    """What one output step is, in the same units as the errors."""
    max_error: float
    """The largest magnitude."""
    mean_error: float
    """The mean magnitude."""
    at: float
    """The input at the largest error: the real input of an activation, exponential or norm, the real distance of a
    logit from the largest of its row, or the operand of a reciprocal root."""
    found: float
    exact: float

    @property
    def max_steps(self) -> float:
        """The largest magnitude in output steps."""
        return self.max_error / self.step

    def document(self) -> dict[str, str | int | float]:
        """As JSON has it."""
        return {**asdict(self), "max_steps": self.max_steps}


@dataclass(frozen=True)
class ErrorCurve:
    """Error over the input, for a figure."""

    unit: str
    kind: str
    inputs: tuple[float, ...]
    errors: tuple[float, ...]
    step: float


@dataclass(frozen=True)
class UnitErrors:
    """Everything that was measured."""

    rows: tuple[ErrorRow, ...]
    curves: tuple[ErrorCurve, ...]

    def of(self, unit: str) -> tuple[ErrorRow, ...]:
        """The rows of one unit."""
        return tuple(row for row in self.rows if row.unit == unit)

    def kinds(self, unit: str) -> tuple[str, ...]:
        """The kinds of one unit, in the order in which they were measured."""
        return tuple(dict.fromkeys(row.kind for row in self.of(unit)))

    def curves_of(self, unit: str) -> tuple[ErrorCurve, ...]:
        """The curves of one unit."""
        return tuple(curve for curve in self.curves if curve.unit == unit)
