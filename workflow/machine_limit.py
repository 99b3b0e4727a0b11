"""What this machine can do at best: the roofs over a profile, measured in the process that is profiled."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import threading_layer  # type: ignore[attr-defined]

from bittrue.hw_configs.load import load_datapath
from bittrue.reports.profile_data import MachineLimit
from bittrue.simulator.jit import thread_limit
from bittrue.simulator.plan.compiler import Plan
from bittrue.simulator.plan.processor import has_vnni
from bittrue.spec.builder import Builder
from bittrue.spec.ops.linear import Linear
from bittrue.spec.program import Program

ROWS, FEATURES, OUTPUTS = 128, 2048, 64
"""A product whose operands stay in a core's second-level cache, ROWS of them a thread, and whose K hides the rest."""
CACHE_BYTES, MEMORY_BYTES = 128 << 10, 64 << 20
"""Of each copy: two of the first fit into a second-level cache of 512 KB, the second into no cache of a core."""
SECONDS, LEAST = 0.2, 5
"""How long, and how often at least, each limit is tried: longer than other processes hold a core."""


def measured_limit() -> MachineLimit:
    """Peak of products and bandwidth of copies, the best of many; takes some tenths of a second."""
    threads = thread_limit()
    gmac_s = _product_gmac_s(threads)
    return MachineLimit(
        gmac_s=gmac_s,
        cache_gb_s=threads * _copy_gb_s(CACHE_BYTES, 1),
        memory_gb_s=_copy_gb_s(MEMORY_BYTES // threads, threads),
        threads=threads,
        instructions="AVX-512 VNNI" if has_vnni() else "portable",
        threading_layer=threading_layer(),
    )


def _shortest_us(run: Callable[[], object]) -> float:
    """The shortest of many runs, microseconds."""
    times: list[int] = []
    end = time.perf_counter() + SECONDS
    while len(times) < LEAST or time.perf_counter() < end:
        start = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - start)
    return max(min(times), 1) / 1e3


def _product_gmac_s(threads: int) -> float:
    """One fast `linear` on data that stay in the cache."""
    ((call, bound),) = Plan(_product(ROWS * threads), keep_all=False).steps
    gemm = call.op.work(call).gemm
    assert bound is not None and gemm is not None
    return gemm.macs / _shortest_us(bound) / 1e3


def _product(rows: int) -> Program:
    """[rows, FEATURES] times [FEATURES, OUTPUTS] on the default datapath."""
    draft = Builder("peak", load_datapath("iot_npu"))
    draft.input("rows", (1, rows, FEATURES))
    constants = {
        "weight": np.arange(OUTPUTS * FEATURES).reshape(OUTPUTS, FEATURES) % 255 - 127,
        "bias": np.zeros(OUTPUTS, np.int64),
        "multiplier": np.full(OUTPUTS, 1 << 30),
        "shift": np.full(OUTPUTS, 46),
    }
    return draft.build(output=draft.step("product", Linear(OUTPUTS), ["rows"], constants=constants))


def _copy_gb_s(size: int, threads: int) -> float:
    """Copies of `size` bytes, one in each of some threads at once, every byte counted as read and as written."""
    pairs = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(threads)]
    if threads == 1:
        ((source, target),) = pairs
        return 2 * size / _shortest_us(lambda: np.copyto(target, source)) / 1e3
    with ThreadPoolExecutor(threads) as pool:
        best = _shortest_us(lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs)))
    return 2 * size * threads / best / 1e3
