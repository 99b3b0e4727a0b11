"""Packing: how codes stand side by side in the words of a memory or of a stream.

For whoever loads derived files (.hex, .bin, .coe, .mif, .h) or answers with them. A word has `lanes` codes; lane 0
stands in the lowest or in the highest bits. 4 bits, two a byte, is lanes 2, lane_bits 4, word_bits 8; codes of 24 bits
in 3 bytes are lanes 1, word_bits 24. Here a word is its bytes, the lowest bits first: uint8 [words, word_bytes].
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Patterns = NDArray[np.uint64]
WordBytes = NDArray[np.uint8]
WORD_BITS_MAX = 4096
CHUNK = 1 << 17
"""Words that are turned into single bits at a time: a bit takes a byte meanwhile."""


class Packing(BaseModel):
    """See the module docstring. Spare bits of a word above its lanes are 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    lanes: Annotated[int, Field(ge=1, le=WORD_BITS_MAX)]
    """Codes in a word."""
    lane_bits: Annotated[int, Field(ge=1, le=64)]
    """Bits of a lane; where they are more than the code's, the spare ones repeat its sign, or are 0 if unsigned."""
    word_bits: Annotated[int, Field(ge=1, le=WORD_BITS_MAX)]
    first_lane: Literal["lowest", "highest"]
    """Where lane 0 stands: in the lowest lane_bits of the word, or in the highest lane that it has."""
    byte_order: Literal["little", "big"]
    """Of the bytes of a word in .bin and .h; text formats write the highest digit first."""

    @model_validator(mode="after")
    def _lanes_fit(self) -> Packing:
        if self.lanes * self.lane_bits > self.word_bits:
            raise ValueError(f"{self.lanes} lanes of {self.lane_bits} bits do not fit a word of {self.word_bits}")
        return self

    @classmethod
    def of(cls, bits: int) -> Packing:
        """One code a word."""
        return cls(lanes=1, lane_bits=bits, word_bits=bits, first_lane="lowest", byte_order="little")

    @property
    def digits(self) -> int:
        """Hex digits of a word: ceil(word_bits / 4)."""
        return -(-self.word_bits // 4)

    @property
    def word_bytes(self) -> int:
        """Bytes of a word: ceil(word_bits / 8)."""
        return -(-self.word_bits // 8)

    def lane_at(self, lane: int) -> int:
        """The lowest bit of a lane within its word."""
        place = lane if self.first_lane == "lowest" else self.lanes - 1 - lane
        return place * self.lane_bits

    def words_of(self, codes: int) -> int:
        """Words that hold so many codes; lanes of the last one that are left over hold 0."""
        return -(-codes // self.lanes)


def pack(patterns: Patterns, bits: int, signed: bool, packing: Packing) -> WordBytes:
    """Patterns of `bits` bits [codes] -> words [words, word_bytes]."""
    lanes = _lane_patterns(patterns, bits, signed, packing.lane_bits)
    words, size = packing.words_of(patterns.size), packing.word_bytes
    flat = np.zeros(words * packing.lanes, np.uint64)
    flat[: lanes.size] = lanes
    grid = flat.reshape(words, packing.lanes)
    if packing.first_lane == "highest":
        grid = grid[:, ::-1]
    whole, rest = divmod(packing.lane_bits, 8)
    if rest == 0 or packing.lanes == 1:
        found = np.zeros((words, size), np.uint8)
        lane_bytes = whole if rest == 0 else size
        taken = _bytes_of(grid)[:, :, :lane_bytes].reshape(words, -1)
        found[:, : taken.shape[1]] = taken
        return found
    return np.concatenate(
        [_pack_bits(grid[at : at + CHUNK], packing) for at in range(0, words, CHUNK)] or [np.zeros((0, size), np.uint8)]
    )


def unpack(
    words: WordBytes, bits: int, signed: bool, packing: Packing, codes: int
) -> tuple[Patterns, NDArray[np.bool_]]:
    """Words [words, word_bytes] -> patterns [codes], and which of them stand as `pack` writes them.

    A code is not certain where the spare bits of its lane are wrong or, for the codes of a word, those of the word.
    `words` must be as many as `codes` take.
    """
    lane_bits, lanes = packing.lane_bits, packing.lanes
    parts = [_unpack_bits(words[at : at + CHUNK], packing) for at in range(0, len(words), CHUNK)]
    grid = np.concatenate(parts) if parts else np.zeros((0, lanes), np.uint64)
    if packing.first_lane == "highest":
        grid = grid[:, ::-1]
    found = np.ascontiguousarray(grid).reshape(-1)[:codes]
    patterns = found & np.uint64((1 << bits) - 1)
    right = found == _lane_patterns(patterns, bits, signed, lane_bits)
    spare = _spare(words, packing)
    return patterns, right & ~np.repeat(spare, lanes)[:codes]


def spare_lanes(words: WordBytes, packing: Packing, codes: int) -> bool:
    """Whether a lane behind the last code holds something else than 0."""
    left = packing.words_of(codes) * packing.lanes - codes
    if not left or not len(words):
        return False
    last = _unpack_bits(words[-1:], packing)[0]
    order = last[::-1] if packing.first_lane == "highest" else last
    return bool(order[packing.lanes - left :].any())


def _lane_patterns(patterns: Patterns, bits: int, signed: bool, lane_bits: int) -> Patterns:
    """Patterns widened to a lane."""
    if not signed or lane_bits == bits:
        return patterns
    shift = np.uint64(64 - bits)
    wide = ((patterns << shift).view(np.int64) >> np.int64(64 - bits)).view(np.uint64)
    return np.asarray(wide & np.uint64((1 << lane_bits) - 1))


def _bytes_of(grid: Patterns) -> WordBytes:
    """[words, lanes] -> bytes [words, lanes, 8], the lowest first."""
    return np.ascontiguousarray(grid.astype("<u8")).view(np.uint8).reshape(*grid.shape, 8)


def _pack_bits(grid: Patterns, packing: Packing) -> WordBytes:
    bits = np.unpackbits(_bytes_of(grid), axis=2, bitorder="little")[:, :, : packing.lane_bits]
    return np.packbits(_padded(bits.reshape(len(grid), -1), 8 * packing.word_bytes), axis=1, bitorder="little")


def _unpack_bits(words: WordBytes, packing: Packing) -> Patterns:
    lanes, lane_bits = packing.lanes, packing.lane_bits
    bits = np.unpackbits(words, axis=1, bitorder="little")[:, : lanes * lane_bits].reshape(-1, lane_bits)
    lane_bytes = np.packbits(_padded(bits, 64), axis=1, bitorder="little")
    return lane_bytes.reshape(-1).view("<u8").astype(np.uint64).reshape(-1, lanes)


def _spare(words: WordBytes, packing: Packing) -> NDArray[np.bool_]:
    """[words]: whether a bit above the lanes is set."""
    used = packing.lanes * packing.lane_bits
    whole, rest = divmod(used, 8)
    if whole == words.shape[1]:
        return np.zeros(len(words), np.bool_)
    return np.asarray((words[:, whole] >> rest != 0) | words[:, whole + 1 :].any(axis=1))


def _padded(bits: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.pad(bits, ((0, 0), (0, width - bits.shape[1])))
