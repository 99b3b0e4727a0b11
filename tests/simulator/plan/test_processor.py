"""Which vector instructions are chosen, and that a choice the processor cannot serve is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bittrue.simulator.plan import processor
from bittrue.simulator.plan.processor import vector_level
from bittrue.spec.errors import BadInput

AMD_ZEN4 = {"avx2": True, "avx512f": True, "avx512bw": True, "avx512vl": True, "avx512vbmi": True, "avx512vnni": True}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The choice is made once a process; here once a test."""
    monkeypatch.setattr(processor.config, "DISABLE_JIT", 0)
    monkeypatch.delenv("BITTRUE_VECTOR", raising=False)
    vector_level.cache_clear()
    yield
    vector_level.cache_clear()


@pytest.mark.parametrize(
    "features, level",
    [
        (AMD_ZEN4, "vnni"),
        ({**AMD_ZEN4, "avx512vbmi": False}, "avx2"),
        ({"avx2": True, "avx512f": True}, "avx2"),
        ({"neon": True}, "vector"),
    ],
)
def test_the_best_level_is_taken(features: dict[str, bool], level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All instructions of a level, or the next one."""
    monkeypatch.setattr(processor.llvm, "get_host_cpu_features", lambda: features)
    assert vector_level() == level


@pytest.mark.parametrize("choice", ["vnni", "avx2", "vector", "loops"])
def test_a_level_is_chosen_by_name(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any that the processor has, also a lesser one."""
    monkeypatch.setattr(processor.llvm, "get_host_cpu_features", lambda: AMD_ZEN4)
    monkeypatch.setenv("BITTRUE_VECTOR", choice)
    assert vector_level() == choice


def test_levels_that_are_unknown_or_missing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and what would do."""
    monkeypatch.setattr(processor.llvm, "get_host_cpu_features", lambda: {"avx2": True})
    monkeypatch.setenv("BITTRUE_VECTOR", "vnni")
    with pytest.raises(BadInput, match="does not have") as refused:
        vector_level()
    assert "BITTRUE_VECTOR" in str(refused.value) and "auto, avx2, vector, loops" in str(refused.value)
    monkeypatch.setenv("BITTRUE_VECTOR", "sse9")
    with pytest.raises(BadInput, match="unknown"):
        vector_level()


def test_another_target_of_numba_gets_plain_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's instructions say nothing about a processor that numba is told to compile for."""
    monkeypatch.setattr(processor.llvm, "get_host_cpu_features", lambda: AMD_ZEN4)
    monkeypatch.setattr(processor.config, "CPU_NAME", "generic")
    assert vector_level() == "vector"


def test_plain_python_has_no_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NUMBA_DISABLE_JIT nothing is compiled."""
    monkeypatch.setattr(processor.config, "DISABLE_JIT", 1)
    assert vector_level() == "loops"
