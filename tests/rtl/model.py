"""A Verilated design as a function on arrays: every beat in, every beat of every stage out, and the clocks it took."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rtl.design import Design, Signal
from rtl.driver import library

VERDICTS = {
    1: "moved no beat for too long: it is stuck, or answers less often than it is asked",
    2: "answered more often than it was asked",
    3: "withdrew out_valid before out_ready",
    4: "changed a word that it offered before out_ready",
}
"""Breaches of the handshake, by what the driver returns."""


class HandshakeBroken(RuntimeError):
    """The design broke the port convention; a fault of its own, apart from wrong words."""


@dataclass(frozen=True)
class Pauses:
    """Random back-pressure: of 256 clocks, in how many the driver offers nothing and takes nothing."""

    seed: int
    offer: int = 96
    take: int = 96


@dataclass(frozen=True)
class Played:
    """What a design answered."""

    outputs: Mapping[str, NDArray[np.int64]]
    """By output: [beats] or [beats, lanes]."""
    last: NDArray[np.bool_] | None
    """[beats], out_last."""
    load_cycles: int
    """Clocks in which constants were written."""
    run_cycles: int
    """Clocks from the first beat offered to the last one taken."""


class _Call(ctypes.Structure):
    """`Call` of stream_driver.h."""

    _fields_ = (
        ("inputs", ctypes.POINTER(ctypes.c_void_p)),
        ("in_last", ctypes.c_void_p),
        ("in_beats", ctypes.c_int64),
        ("outputs", ctypes.POINTER(ctypes.c_void_p)),
        ("out_last", ctypes.c_void_p),
        ("out_beats", ctypes.c_int64),
        ("constants", ctypes.POINTER(ctypes.c_void_p)),
        ("constant_words", ctypes.c_void_p),
        ("constant_count", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("pause_in", ctypes.c_int64),
        ("pause_out", ctypes.c_int64),
        ("bug", ctypes.c_int64),
        ("idle_limit", ctypes.c_int64),
        ("load_cycles", ctypes.c_int64),
        ("run_cycles", ctypes.c_int64),
        ("in_moved", ctypes.c_int64),
        ("out_moved", ctypes.c_int64),
    )


class Model:
    """A design, built when first asked for. Each run starts from reset."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self._play = ctypes.CDLL(str(library(design))).play_design
        self._play.restype, self._play.argtypes = ctypes.c_int64, [ctypes.POINTER(_Call)]

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        *,
        out_beats: int,
        in_last: np.ndarray | None = None,
        constants: Sequence[np.ndarray] = (),
        pauses: Pauses | None = None,
        bug: int = 0,
        idle_limit: int = 1 << 16,
    ) -> Played:
        """Play arrays through the design.

        inputs: by input, [beats] or [beats, lanes], any integer type; words outside a port's range are refused.
        in_last: [beats]. constants: by cfg_sel, written in index order from address 0. bug: the planted fault, or 0.
        Raises HandshakeBroken if the design stands still, answers too often, or takes back what it offered.
        """
        words = [_words(signal, inputs[signal.name]) for signal in self.design.inputs]
        assert set(inputs) == {signal.name for signal in self.design.inputs}, "the arrays are not the design's inputs"
        assert len({len(array) for array in words}) == 1, "the inputs count their beats differently"
        assert (in_last is not None) == self.design.in_last, "in_last belongs to designs that have it"
        loaded = [np.ascontiguousarray(array, np.int64).reshape(-1) for array in constants]
        lengths = np.array([array.size for array in loaded], np.int64)
        firsts = None if in_last is None else np.ascontiguousarray(in_last, np.uint8)
        found = [np.zeros((out_beats, signal.lanes), signal.dtype) for signal in self.design.outputs]
        last = np.zeros(out_beats, np.uint8)
        call = _Call(
            _pointers(words), None if firsts is None else firsts.ctypes.data, len(words[0]),
            _pointers(found), last.ctypes.data, out_beats,
            _pointers(loaded), lengths.ctypes.data, len(loaded),
            0 if pauses is None else pauses.seed, 0 if pauses is None else pauses.offer,
            0 if pauses is None else pauses.take, bug, idle_limit,
        )  # fmt: skip
        verdict = self._play(ctypes.byref(call))
        if verdict:
            moved = f"{call.in_moved} of {len(words[0])} beats in, {call.out_moved} of {out_beats} out"
            raise HandshakeBroken(f"{self.design.top} {VERDICTS[verdict]} ({moved})")
        outputs = {
            signal.name: (array if signal.lanes > 1 else array[:, 0]).astype(np.int64)
            for signal, array in zip(self.design.outputs, found, strict=True)
        }
        return Played(outputs, last.astype(bool) if self.design.out_last else None, call.load_cycles, call.run_cycles)


def _words(signal: Signal, given: np.ndarray) -> np.ndarray:
    """The array as the driver reads it: [beats, lanes]."""
    low = -(1 << (signal.bits - 1)) if signal.signed else 0
    array = np.asarray(given).reshape(len(given), signal.lanes)
    if array.size and (int(array.min()) < low or int(array.max()) >= low + (1 << signal.bits)):
        raise ValueError(
            f"in_{signal.name} holds {low}..{low + (1 << signal.bits) - 1}, not {array.min()}..{array.max()}"
        )
    return np.ascontiguousarray(array, signal.dtype)


def _pointers(arrays: Sequence[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(len(arrays), 1))(*(array.ctypes.data for array in arrays))
