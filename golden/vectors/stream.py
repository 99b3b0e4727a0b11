"""Stream: the words of an array in its layout and packing, and the way back from (beat, lane) to an element.

For RTL engineers whose interface carries several codes a beat. A beat is a word; position p of the layout stands in
beat p // lanes, lane p % lanes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from bittrue.golden.vectors.layout import FILL, ROW_MAJOR, Layout, elements_of, layout_of, positions_of
from bittrue.golden.vectors.packing import Packing, Patterns, WordBytes, pack, spare_lanes, unpack
from bittrue.spec.errors import BadInput


class Stream(BaseModel):
    """How an array of codes becomes words."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    layout: Layout
    packing: Packing

    @classmethod
    def plain(cls, bits: int) -> Stream:
        """Row-major, one code a word."""
        return cls(layout=ROW_MAJOR, packing=Packing.of(bits))


class StreamChoice(BaseModel):
    """What a user asks for, for arrays of any width and shape."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    layout: str = "row-major"
    lanes: int = 1
    lane_bits: int = 1
    """At least; a wider code makes a wider lane."""
    word_bits: int = 1
    """At least; wider lanes make a wider word."""
    first_lane: str = "lowest"
    byte_order: str = "little"

    @property
    def plain(self) -> bool:
        """Whether it is one code a word, row-major."""
        return self == StreamChoice()

    def of(self, bits: int, shape: tuple[int, ...]) -> Stream:
        """The stream of one array; raises BadInput where there is none."""
        lane_bits = max(self.lane_bits, bits)
        try:
            packing = Packing.model_validate(
                {
                    "lanes": self.lanes,
                    "lane_bits": lane_bits,
                    "word_bits": max(self.word_bits, self.lanes * lane_bits),
                    "first_lane": self.first_lane,
                    "byte_order": self.byte_order,
                }
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = f"--{str(first['loc'][0]).replace('_', '-')}" if first["loc"] else "--word-bits"
            raise BadInput("this packing does not exist", where=place, expected=first["msg"]) from None
        layout = layout_of(self.layout, shape)
        try:
            layout.check(shape)
        except ValueError as error:
            raise BadInput("this layout does not suit the array", where="--layout", got=str(error)) from None
        return Stream(layout=layout, packing=packing)


@dataclass(frozen=True)
class Place:
    """Where an element passes."""

    beat: int
    lane: int


def to_words(patterns: Patterns, shape: tuple[int, ...], bits: int, signed: bool, stream: Stream) -> WordBytes:
    """Patterns of an array (row-major) -> the words of its stream, [words, word_bytes], lowest byte first."""
    if stream.layout.loops:
        elements = elements_of(stream.layout, shape)
        patterns = np.where(elements == FILL, np.uint64(0), patterns[np.maximum(elements, 0)])
    return pack(patterns, bits, signed, stream.packing)


def from_words(
    words: WordBytes, shape: tuple[int, ...], bits: int, signed: bool, stream: Stream
) -> tuple[Patterns, NDArray[np.bool_], bool]:
    """The inverse: patterns of the array (row-major), which of them are certain, and whether all filling is 0."""
    elements = elements_of(stream.layout, shape)
    packed, right = unpack(words, bits, signed, stream.packing, elements.size)
    clean = not spare_lanes(words, stream.packing, elements.size)
    if not stream.layout.loops:
        return packed, right, clean
    filling = elements == FILL
    clean = clean and not packed[filling].any() and bool(right[filling].all())
    place = positions_of(stream.layout, shape)
    return packed[place], right[place], clean


def words_of(stream: Stream, shape: tuple[int, ...]) -> int:
    """Words of the stream of an array."""
    return stream.packing.words_of(elements_of(stream.layout, shape).size)


def place_of(stream: Stream, shape: tuple[int, ...], coordinate: tuple[int, ...]) -> Place:
    """The beat and lane in which an element passes."""
    flat = int(np.ravel_multi_index(coordinate, shape)) if shape else 0
    position = int(positions_of(stream.layout, shape)[flat])
    return Place(*divmod(position, stream.packing.lanes))


def coordinate_at(stream: Stream, shape: tuple[int, ...], beat: int, lane: int) -> tuple[int, ...] | None:
    """The element that passes in a lane of a beat; None for filling. The inverse of `place_of`."""
    elements = elements_of(stream.layout, shape)
    position = beat * stream.packing.lanes + lane
    if beat < 0 or not 0 <= lane < stream.packing.lanes or position >= stream.packing.lanes * words_of(stream, shape):
        raise BadInput("the stream has no such beat and lane", got=f"beat {beat}, lane {lane}")
    if position >= elements.size or elements[position] == FILL:
        return None
    return tuple(int(i) for i in np.unravel_index(int(elements[position]), shape))
