"""The rows of the table: what is compared with what, and what is demanded. Rows of one group run in the same rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from benchmarks.contestants import Contestant
from benchmarks.networks import MODELS, Network, slug, trained_weights
from benchmarks.spread import Goal, at_least, at_most
from benchmarks.variants import UNITS, Variant, variants

Measure = Literal["ratio", "seconds", "gigabytes"]
EAGER_BATCHES = (1, 2, 4, 8, 16, 32)
XXS = Network("mobilevit_xxs")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    key: str
    """For --only and in the JSON."""
    what: str
    group: str
    goal: Goal | None
    """None: reported."""
    of: tuple[Contestant, ...]
    """The fastest of them counts, per image."""
    to: tuple[Contestant, ...] = ()
    """What `of` is divided by; the fastest counts. Empty where `measure` is no ratio."""
    measure: Measure = "ratio"
    same_answer: bool = False
    """Whether all contestants must give the same integers."""
    discard_first: bool = False
    """Whether a first round only warms caches on disk."""


def simulate(network: Network, batch: int = 1) -> Contestant:
    """The program in the simulator."""
    return Contestant(f"simulate {_named(network)}, batch {batch}", "simulate", network, batch)


def eager(network: Network, batch: int = 1) -> Contestant:
    """The float model in PyTorch eager."""
    return Contestant(f"PyTorch eager {network.model}, batch {batch}", "eager", network, batch)


def rows() -> tuple[Row, ...]:
    """Every row, in the table's order."""
    return (*_headline(), *_peers(), *_models(), *_variants(), *_processes())


def _headline() -> list[Row]:
    ours, ours32 = simulate(XXS), simulate(XXS, 32)
    eagers = tuple(eager(XXS, batch) for batch in EAGER_BATCHES)
    return [
        Row("batch1", "simulate, mobilevit_xxs, batch 1: time / PyTorch eager float", "peers", at_most(0.5), (ours,),
            (eager(XXS),)),
        Row("batch32", "simulate at batch 32: images a second / PyTorch eager float at its best batch", "batch",
            at_least(2), eagers, (ours32,)),
    ]  # fmt: skip


def _peers() -> list[Row]:
    ours = simulate(XXS)
    int8 = "mobilevit_xxs_i8.tflite"
    peers: list[tuple[str, Goal | None, Contestant]] = [
        ("litert_reference", at_least(25),
         Contestant("LiteRT int8 reference kernels", "litert", XXS, file=int8, reference_kernels=True)),
        ("tosa", at_least(500),
         Contestant("TOSA reference model int8 (process, load and run)", "tosa", XXS, file=int8)),
        ("litert_float", None,
         Contestant("LiteRT float (XNNPACK)", "litert", XXS, file="mobilevit_xxs_f32.tflite")),
        ("litert_int8", None, Contestant("LiteRT int8 (XNNPACK)", "litert", XXS, file=int8)),
        ("onnxruntime_qdq", None,
         Contestant("ONNX Runtime int8 QDQ", "onnxruntime", XXS, file="mobilevit_xxs_int8_qdq.onnx")),
        ("onnxruntime_qop", None,
         Contestant("ONNX Runtime int8 QOperator", "onnxruntime", XXS, file="mobilevit_xxs_int8_qop.onnx")),
    ]  # fmt: skip
    reference = Contestant("PyTorch integer reference", "reference", XXS)
    return [
        *(Row(key, f"{peer.name} / simulate", "peers", goal, (peer,), (ours,)) for key, goal, peer in peers),
        Row("reference", f"{reference.name} / simulate", "reference", None, (reference,), (ours,), same_answer=True),
    ]


def _models() -> list[Row]:
    return [
        Row(f"model_{model}", f"simulate, {model}{_weights(model)}: time / PyTorch eager float", f"model {model}",
            at_most(0.6), (simulate(Network(model)),), (eager(Network(model)),))
        for model in MODELS
        if model != XXS.model
    ]  # fmt: skip


def _variants() -> list[Row]:
    return [
        Row(slug(variant.name), f"{variant.name}: time / default", f"variants: {unit}", _variant_goal(variant),
            (simulate(Network(XXS.model, variant=variant.name)),),
            (simulate(Network(XXS.model, variant=variant.base)),))
        for unit in UNITS
        for variant in variants().values()
        if variant.unit == unit
    ]  # fmt: skip


def _variant_goal(variant: Variant) -> Goal:
    """Approximate units 1.5; wider codes 2; accumulators of any order 1.1, those that saturate at each step 4."""
    if variant.unit != "accumulator":
        return at_most(2 if variant.unit == "wide" else 1.5)
    return at_most(4 if variant.datapath.mac.overflow == "saturate" else 1.1)


def _processes() -> list[Row]:
    shell = Contestant("bittrue simulate (.npy of one image)", "shell_simulate", XXS)
    usage = Contestant("bittrue --help", "shell_help", XXS)
    cold = Contestant("first run with an empty cache", "first_run", XXS)
    large = Network("mobilevit_s")
    return [
        Row("shell_simulate", "`bittrue simulate` from the shell, warm cache, one image (.npy): wall time, s", "shell",
            at_most(2.5), (shell,), measure="seconds", discard_first=True),
        Row("shell_help", "`bittrue --help`: wall time, s", "shell", at_most(0.5), (usage,), measure="seconds",
            discard_first=True),
        Row("cold_compile", "cold compile of every kernel the demo needs (first runs with an empty cache), s", "cold",
            at_most(60), (cold,), measure="seconds"),
        *(
            Row(f"memory{batch}", f"peak memory, mobilevit_s, batch {batch}, GB", "memory", at_most(limit),
                (simulate(large, batch),), measure="gigabytes", discard_first=True)
            for batch, limit in ((1, 0.6), (32, 2))
        ),
    ]  # fmt: skip


def selected(every: Sequence[Row], patterns: Sequence[str]) -> tuple[Row, ...]:
    """The rows whose key fits one of the patterns ("softmax_*"), in order; all without patterns.

    Raises ValueError naming a pattern that fits no row.
    """
    for pattern in patterns:
        if not any(fnmatchcase(row.key, pattern) for row in every):
            raise ValueError(f"no row fits {pattern!r}; there are: {', '.join(row.key for row in every)}")
    return tuple(row for row in every if not patterns or any(fnmatchcase(row.key, pattern) for pattern in patterns))


def contestants_of(chosen: Sequence[Row]) -> tuple[Contestant, ...]:
    """Everyone that the rows need, once each: what rows are divided by first."""
    every = [contestant for row in chosen for contestant in (*row.to, *row.of)]
    return tuple({contestant.name: contestant for contestant in every}.values())


def _named(network: Network) -> str:
    side = "" if network.side == XXS.side else f" {network.side}x{network.side}"
    return f"{network.model}{side}{'' if network.variant == XXS.variant else f', {network.variant}'}"


def _weights(model: str) -> str:
    return "" if trained_weights(model) else " (random weights)"
