"""The cases of the accuracy tables: which method on which model, at which bits, on which images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bittrue.calibration.options import CalibrationOptions
from bittrue.reports.accuracy_data import Arithmetic
from bittrue.spec.errors import BadInput


class Bits(NamedTuple):
    """The bits of a line."""

    weights: int
    activations: int
    mixed: bool = False
    """Whether these are means, of widths chosen by sensitivity (calibration/mixed_bits.py)."""

    @property
    def name(self) -> str:
        """As the literature writes it; what bits_of reads."""
        return f"W{self.weights}A{self.activations}{'-mixed' if self.mixed else ''}"


TABLE_BITS: Mapping[str, tuple[Bits, ...]] = {
    "1": (Bits(8, 8), Bits(6, 6)),
    "2": (Bits(8, 8), Bits(6, 6), Bits(6, 6, mixed=True), Bits(4, 8), Bits(4, 4)),
    "3": (Bits(8, 8), Bits(6, 6)),
}
"""Where no bits are asked for. 1: partially quantized; 2: integers; 3: ablation, both ways."""
MIXED_MAX = 8
THOROUGH = ("q-hyvit", "best")
"""Measured with every seed, on all images; others with one seed, on fewer."""
ABLATED = "q-hyvit"
ABLATION = (
    ("none", False, False, False),
    ("+bridge", True, False, False),
    ("+granularity", True, True, False),
    ("+scheme", True, True, True),
)
"""Step, and the options bridge, mixed_granularity and mixed_scheme: the columns of the paper's table 3."""
PREFERRED = ("minmax", "percentile", "mse", "easyquant", "fq-vit", "ptq4vit", "repq", "q-hyvit", "best")
"""Order of the lines; methods that are not named here come in between, in the order of METHODS."""


@dataclass(frozen=True)
class Case:
    """One line of a table for one model and seed."""

    table: str
    arithmetic: Arithmetic
    model: str
    """Name of the checkpoint."""
    step: str
    options: CalibrationOptions
    calibration_images: int
    images: int
    """The first of the evaluation order."""


@dataclass(frozen=True)
class Request:
    """What is asked for; every name and number checked."""

    models: tuple[str, ...]
    """Names of checkpoints."""
    methods: tuple[str, ...]
    tables: tuple[str, ...]
    bits: tuple[Bits, ...]
    """Empty for those of TABLE_BITS."""
    images: int
    """Evaluation images of THOROUGH methods."""
    rival_images: int
    """Of the others, and of ablated ones."""
    seeds: int
    calibration_images: int
    calibration_images_of: Mapping[str, int] = field(default_factory=dict)
    """Of methods that take more or fewer."""
    preactivation_bits: int = 16
    residual_bits: tuple[int, ...] = (8,)
    """A case of table 2 for each; tables 1 and 3 take the first, since partially quantized networks add in float."""
    score_bits: int = 8


def planned(request: Request) -> tuple[Case, ...]:
    """All cases, a seed after the other, so that an interrupted run has whole tables of the first seeds."""
    return tuple(
        case
        for seed in range(request.seeds)
        for model in request.models
        for table in request.tables
        for bits in request.bits or TABLE_BITS[table]
        for case in _cases(request, table, model, bits, seed)
    )


def _cases(request: Request, table: str, model: str, bits: Bits, seed: int) -> Iterable[Case]:
    if table == "3":
        for step, bridge, granularity, scheme in ABLATION:
            options = _options(request, ABLATED, bits, request.residual_bits[0], seed)
            options = replace(options, bridge=bridge, mixed_granularity=granularity, mixed_scheme=scheme)
            for arithmetic in ("partial", "integer"):
                yield _case(request, table, arithmetic, model, options, request.rival_images, step)
        return
    for residual_bits in request.residual_bits if table == "2" else request.residual_bits[:1]:
        for method in request.methods:
            thorough = method in THOROUGH
            if seed and not thorough:
                continue
            options = _options(request, method, bits, residual_bits, seed)
            images = request.images if thorough else request.rival_images
            yield _case(request, table, "integer" if table == "2" else "partial", model, options, images)


def _options(request: Request, method: str, bits: Bits, residual_bits: int, seed: int) -> CalibrationOptions:
    return options_of(
        bits,
        method=method,
        seed=seed,
        preactivation_bits=request.preactivation_bits,
        residual_bits=residual_bits,
        score_bits=request.score_bits,
    )


def options_of(
    bits: Bits, *, method: str, seed: int, preactivation_bits: int, residual_bits: int, score_bits: int
) -> CalibrationOptions:
    """Of one plan; not checked."""
    return CalibrationOptions(
        method=method,
        weight_bits=MIXED_MAX if bits.mixed else bits.weights,
        activation_bits=MIXED_MAX if bits.mixed else bits.activations,
        weight_budget=bits.weights if bits.mixed else None,
        activation_budget=bits.activations if bits.mixed else None,
        preactivation_bits=preactivation_bits,
        residual_bits=residual_bits,
        score_bits=score_bits,
        seed=seed,
    )


def _case(
    request: Request,
    table: str,
    arithmetic: Arithmetic,
    model: str,
    options: CalibrationOptions,
    images: int,
    step: str = "",
) -> Case:
    calibrating = request.calibration_images_of.get(options.method, request.calibration_images)
    return Case(table, arithmetic, model, step, options, calibrating, images)


def bits_of(names: Sequence[str]) -> tuple[Bits, ...]:
    """Bits by the names that the literature uses: "W4A8"; means of mixed widths: "W6A6-mixed". Raises BadInput for any
    other."""
    found = []
    for name in names:
        match = re.fullmatch(r"W(\d{1,2})A(\d{1,2})(-MIXED)?", name.strip().upper())
        widest = MIXED_MAX if match and match[3] else 16
        if match is None or not all(2 <= int(width) <= widest for width in match.groups()[:2]):
            raise BadInput(
                "no such bits",
                where="--bits",
                got=name,
                expected=f"W8A8, W4A8 and the like, 2..16 bits, or W6A6-mixed, 2..{MIXED_MAX}",
            )
        found.append(Bits(int(match[1]), int(match[2]), mixed=bool(match[3])))
    return tuple(dict.fromkeys(found))


def methods_of(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The methods asked for, all where none is, in the order of a table's lines."""
    _refuse_unknown("no such calibration method", "--methods", names, known)
    first, last = PREFERRED[: -len(THOROUGH)], PREFERRED[-len(THOROUGH) :]
    between = [name for name in known if name not in PREFERRED]
    return tuple(name for name in (*first, *between, *last) if name in (names or known) and name in known)


def tables_of(names: Sequence[str]) -> tuple[str, ...]:
    """The tables asked for, all where none is."""
    _refuse_unknown("no such table", "--tables", names, tuple(TABLE_BITS))
    return tuple(table for table in TABLE_BITS if table in (names or TABLE_BITS))


def _refuse_unknown(what: str, where: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInput(what, where=where, got=", ".join(unknown), expected=", ".join(known))
