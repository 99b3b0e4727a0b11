"""Which vector instructions this process may use; part of the name of the cache of compiled code."""

from __future__ import annotations

import os
from functools import cache
from typing import Literal, get_args

import llvmlite.binding as llvm
from numba import config

from bittrue.spec.errors import BadInput

Level = Literal["vnni", "avx2", "vector", "loops"]
"""AVX-512 with VNNI and VBMI; AVX2; vectors as any processor has them; plain loops."""
NEEDED: dict[str, tuple[str, ...]] = {
    "vnni": ("avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512vnni"),
    "avx2": ("avx2",),
    "vector": (),
}


@cache
def vector_level() -> Level:
    """The best level of the processor that numba compiles for, or the one that BITTRUE_VECTOR names.

    Raises BadInput where that is unknown or the processor does not have it.
    """
    choice = os.environ.get("BITTRUE_VECTOR", "auto")
    levels: tuple[Level, ...] = get_args(Level)
    if choice not in ("auto", *levels):
        expected = ", ".join(("auto", *levels))
        raise BadInput("unknown vector instructions", where="BITTRUE_VECTOR", got=choice, expected=expected)
    if choice == "loops" or config.DISABLE_JIT:  # type: ignore[attr-defined]
        return "loops"
    # numba compiles for another processor than the host's when told so.
    features = {} if config.CPU_NAME or config.CPU_FEATURES else dict(llvm.get_host_cpu_features())  # type: ignore[attr-defined]
    usable = [level for level in levels if all(features.get(name, False) for name in NEEDED.get(level, ()))]
    if choice == "auto":
        return usable[0]
    if choice not in usable:
        raise BadInput("this processor does not have these instructions", where="BITTRUE_VECTOR", got=choice,
                       expected=", ".join(("auto", *usable)))  # fmt: skip
    return next(level for level in levels if level == choice)


def has_vnni() -> bool:
    """Whether 8-bit dot products and byte permutes of 512-bit vectors are compiled."""
    return vector_level() == "vnni"
