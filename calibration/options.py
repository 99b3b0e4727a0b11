"""CalibrationOptions: what a user chooses about bits, granularity and scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bittrue.spec.errors import BadInput

Granularity = Literal["tensor", "channel"]
Scheme = Literal["symmetric", "asymmetric"]
BridgeScheme = Literal["searched", "symmetric", "asymmetric"]
METHOD_NAMES = ("minmax", "percentile", "mse", "easyquant", "fq-vit", "ptq4vit", "repq", "q-hyvit", "best")
"""The keys of calibration.methods.METHODS, in order, for who must not import torch."""


@dataclass(frozen=True)
class CalibrationOptions:
    """Defaults give W8A8: every operand of a MAC has 8 bits, softmax probabilities excepted."""

    method: str = "minmax"
    activation_bits: int = 8
    weight_bits: int = 8
    output_bits: int = 16
    """Width of the logits, which no MAC reads; 8 bits would tie classes that the float model tells apart."""
    preactivation_bits: int | None = None
    """Of what only an activation function reads; None for activation_bits."""
    residual_bits: int | None = None
    """Of what only additions, norms and means read; None for activation_bits."""
    score_bits: int | None = None
    """Of what a softmax reads; None for activation_bits."""
    weight_budget: float | None = None
    """Mean bits of all weights; every layer then has one of mixed_bits instead of weight_bits, by its sensitivity."""
    activation_budget: float | None = None
    """The same of the elements of all tensors that a multiplier reads, in place of activation_bits."""
    mixed_bits: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8)
    activation_granularity: Granularity = "tensor"
    """"channel": a scale a channel wherever that is free at run time (calibration/granularity.py). Methods that choose
    the granularity themselves pass over it."""
    weight_granularity: Granularity = "channel"
    activation_scheme: Scheme = "asymmetric"
    """Operands of matmul and weighted_sum are symmetric in either case, or a MAC would need 9 bits."""
    bridge: bool = True
    """Methods that know bridge blocks judge their layers at the block's end."""
    mixed_granularity: bool = True
    """Methods that choose between one scale and a scale a channel may do so."""
    mixed_scheme: bool = True
    """Methods that choose between symmetric and asymmetric codes may do so."""
    bridge_scheme: BridgeScheme = "searched"
    """Of what the layers of bridge blocks read (calibration/bridge.py). "searched": as of any other tensor; the other
    two leave no choice there, so that what the scheme of bridge blocks is worth can be measured alone."""
    seed: int = 0

    def check(self, methods: tuple[str, ...]) -> None:
        """Refuse values out of range."""
        if self.method not in methods:
            raise BadInput("no such calibration method", where="--method", got=self.method, expected=", ".join(methods))
        for option, bits, low, high in (
            ("--activation-bits", self.activation_bits, 2, 16),
            ("--weight-bits", self.weight_bits, 2, 16),
            ("--output-bits", self.output_bits, 2, 16),
            ("--preactivation-bits", self.preactivation_bits, 2, 16),
            ("--residual-bits", self.residual_bits, 2, 16),
            ("--score-bits", self.score_bits, 2, 16),
        ):
            if bits is not None and not low <= bits <= high:
                raise BadInput("a width is out of range", where=option, got=bits, expected=f"{low}..{high}")
        self._check_budgets()
        for option, value, known in (
            ("--activation-granularity", self.activation_granularity, ("tensor", "channel")),
            ("--weight-granularity", self.weight_granularity, ("tensor", "channel")),
            ("--activation-scheme", self.activation_scheme, ("symmetric", "asymmetric")),
            ("--bridge-scheme", self.bridge_scheme, ("searched", "symmetric", "asymmetric")),
        ):
            if value not in known:
                raise BadInput("unknown choice", where=option, got=value, expected=" or ".join(known))

    def _check_budgets(self) -> None:
        choices = self.mixed_bits
        if not choices or not all(2 <= bits <= 8 for bits in choices):
            raise BadInput("a width is out of range", where="--mixed-bits", got=choices, expected="2..8 each")
        for option, budget in (
            ("--weight-budget", self.weight_budget),
            ("--activation-budget", self.activation_budget),
        ):
            if budget is not None and not min(choices) <= budget <= max(choices):
                raise BadInput(
                    "a budget that the widths to choose from cannot meet",
                    where=option,
                    got=budget,
                    expected=f"{min(choices)}..{max(choices)} bits",
                    next_step="change the budget or --mixed-bits",
                )
