"""What the synergy study measures, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations

from bittrue.reports.accuracy_data import AccuracyRow, Interval

OPTIONS = ("bridge", "granularity", "scheme")
"""What Q-HyViT adds: CalibrationOptions' bridge, mixed_granularity and mixed_scheme."""
Combination = frozenset[str]
"""Those that are on."""
COMBINATIONS: tuple[Combination, ...] = tuple(
    frozenset(some) for count in range(len(OPTIONS) + 1) for some in combinations(OPTIONS, count)
)
"""None, each alone, each pair, all."""
NONE, WHOLE = COMBINATIONS[0], COMBINATIONS[-1]
RESPONSES = {
    "sqnr": "SQNR, dB",
    "noise": "logit noise removed, % of that without any",
    "agreement": "agreement, points",
}
"""What is compared. Decibels multiply, noise adds: gains that just add in one are not additive in the other."""
PARTS = ("alone", "cross", "beyond")
"""Of the error of a block, Eq. 6: each source's own term; the off-diagonal terms of every two, in first order; the
rest, by which sources do not just add up."""


def named(combination: Combination) -> str:
    """As tables have it."""
    return {0: "none", len(OPTIONS): "all"}.get(
        len(combination), " + ".join(name for name in OPTIONS if name in combination)
    )


def term_name(combination: Combination) -> str:
    """Of an interaction."""
    return " x ".join(name for name in OPTIONS if name in combination)


@dataclass(frozen=True)
class Effects:
    """The 2^3 design of one model, bits and response; bootstrap intervals over images, means over seeds."""

    model: str
    bits: str
    response: str
    seeds: int
    images: int
    terms: Mapping[Combination, Interval]
    """By inclusion and exclusion, from `none`: an option's gain alone, and what two or three bring beyond it. They add
    up to the whole gain."""
    factorial: Mapping[Combination, Interval]
    """Effects of the factorial design (Box, Hunter and Hunter, Statistics for Experimenters, 2nd edition, chapter 5):
    means over all settings of the other options."""
    whole: Interval
    """Of all three together."""
    parts: Interval
    """Sum of the three gains alone."""
    excess: Interval
    """whole less parts: above 0 the whole exceeds the sum of its parts."""

    def records(self) -> list[dict[str, object]]:
        """A flat record for every number."""
        place = {key: getattr(self, key) for key in ("model", "bits", "response", "seeds", "images")}
        named_terms = [("term", term_name(key), found) for key, found in self.terms.items()]
        named_terms += [("factorial", term_name(key), found) for key, found in self.factorial.items()]
        named_terms += [("sum", name, getattr(self, name)) for name in ("whole", "parts", "excess")]
        return [{**place, "kind": kind, "term": name, **asdict(found)} for kind, name, found in named_terms]


@dataclass(frozen=True)
class Pair:
    """Two sources of one block, and twice the product of their errors."""

    first: str
    second: str
    value: float


@dataclass(frozen=True)
class BlockTerms:
    """The error at the ends of one bridge block under one plan, Fisher-weighted, mean over images."""

    model: str
    bits: str
    combination: Combination
    block: str
    way: str
    images: int
    alone: float
    cross: float
    together: float
    """With all sources at once: alone + cross + beyond."""
    cross_share: Interval
    """cross in percent of alone."""
    pairs: tuple[Pair, ...]
    """All, the largest magnitude first; their values add up to cross."""

    @property
    def beyond(self) -> float:
        """What the errors add beyond first order."""
        return self.together - self.alone - self.cross

    def record(self) -> dict[str, object]:
        """One flat record."""
        place = {key: getattr(self, key) for key in ("model", "bits", "block", "way", "images")}
        numbers = {key: getattr(self, key) for key in (*PARTS, "together")}
        share = {f"cross_percent_{key}": value for key, value in asdict(self.cross_share).items()}
        return {**place, "options": named(self.combination), **numbers, **share}

    def pair_records(self) -> list[dict[str, object]]:
        """A flat record for every pair."""
        place = {"model": self.model, "bits": self.bits, "options": named(self.combination), "block": self.block}
        return [{**place, **asdict(pair), "percent_of_alone": 100 * pair.value / self.alone} for pair in self.pairs]


@dataclass(frozen=True)
class BlockGain:
    """One part of the error of all blocks of a model, in percent of the whole error with no option on."""

    model: str
    bits: str
    part: str
    """One of PARTS, or "together"."""
    errors: Mapping[Combination, float]
    whole: Interval
    """How much all options together take away."""
    excess: Interval
    """By how much that exceeds what they take away alone, added up."""

    def record(self) -> dict[str, object]:
        """One flat record."""
        errors = {f"error_{named(key)}": value for key, value in self.errors.items()}
        sums = {
            f"{name}_{key}": value for name in ("whole", "excess") for key, value in asdict(getattr(self, name)).items()
        }
        return {"model": self.model, "bits": self.bits, "part": self.part, **errors, **sums}


@dataclass(frozen=True)
class Synergy:
    """Everything that was measured."""

    rows: tuple[tuple[Combination, AccuracyRow], ...]
    effects: tuple[Effects, ...]
    blocks: tuple[BlockTerms, ...]
    gains: tuple[BlockGain, ...]
