"""Which vector instructions this process may use; part of the name of the cache of compiled code."""

from __future__ import annotations

import os
from functools import cache

import llvmlite.binding as llvm
from numba import config

from bittrue.spec.errors import BadInput

CHOICES = ("auto", "vnni", "portable")


@cache
def has_vnni() -> bool:
    """Whether 8-bit dot products and byte permutes of 512-bit vectors (AVX-512 VNNI and VBMI) are compiled.

    BITTRUE_VECTOR = "portable" turns them off, "vnni" insists on them; "auto" asks the processor.
    """
    choice = os.environ.get("BITTRUE_VECTOR", "auto")
    if choice not in CHOICES:
        raise BadInput("unknown vector instructions", where="BITTRUE_VECTOR", got=choice, expected=", ".join(CHOICES))
    if choice == "portable" or config.DISABLE_JIT:  # type: ignore[attr-defined]
        return False
    # numba compiles for another processor than the host's when told so.
    features = {} if config.CPU_NAME or config.CPU_FEATURES else dict(llvm.get_host_cpu_features())  # type: ignore[attr-defined]
    found = all(features.get(name, False) for name in ("avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512vnni"))
    if choice == "vnni" and not found:
        raise BadInput(
            "this processor has no AVX-512 VNNI and VBMI", where="BITTRUE_VECTOR", got=choice, expected="auto"
        )
    return found
