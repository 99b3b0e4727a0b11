"""Words of any packing and layout: packing and back is the identity, and (beat, lane) leads to the element."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.golden.vectors.memory import from_patterns, to_patterns
from bittrue.golden.vectors.npy import storage_dtype
from bittrue.golden.vectors.packing import Packing, pack, unpack
from bittrue.golden.vectors.stream import (
    Place,
    Stream,
    StreamChoice,
    coordinate_at,
    from_words,
    place_of,
    to_words,
    words_of,
)
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import BadInput

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)

LAYOUTS = ("row-major", "nhwc", "nc3hw", "tiles2x3", "k2", "k3@-2")


@st.composite
def arrays(draw: st.DrawFn) -> tuple[np.ndarray, int, bool, StreamChoice]:
    """Codes of any shape and width with a stream for them."""
    bits, signed = draw(st.integers(1, 64)), draw(st.booleans())
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    low, high = code_range(bits, signed) if bits > 1 or not signed else (-1, 0)
    count = math.prod(shape)
    codes = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
    choice = StreamChoice(
        layout=draw(st.sampled_from(LAYOUTS)),
        lanes=draw(st.integers(1, 9)),
        lane_bits=draw(st.integers(1, 64)),
        word_bits=draw(st.integers(1, 300)),
        first_lane=draw(st.sampled_from(["lowest", "highest"])),
        byte_order=draw(st.sampled_from(["little", "big"])),
    )
    return np.array(codes, dtype=storage_dtype(bits, signed)).reshape(shape), bits, signed, choice


@EXAMPLES
@given(arrays())
def test_packing_and_back_is_the_identity(case: tuple[np.ndarray, int, bool, StreamChoice]) -> None:
    """At every width, sign, layout, number of lanes and size of word; all filling is 0."""
    codes, bits, signed, choice = case
    stream = choice.of(bits, codes.shape)
    patterns = to_patterns(codes, bits=bits, signed=signed, name="t")
    words = to_words(patterns, codes.shape, bits, signed, stream)
    assert words.shape == (words_of(stream, codes.shape), stream.packing.word_bytes)
    back, certain, clean = from_words(words, codes.shape, bits, signed, stream)
    assert certain.all() and clean and np.array_equal(back, patterns)
    assert np.array_equal(from_patterns(back, bits=bits, signed=signed).reshape(codes.shape), codes)


@EXAMPLES
@given(arrays())
def test_words_hold_each_code_where_the_map_says(case: tuple[np.ndarray, int, bool, StreamChoice]) -> None:
    """As Python integers: a lane's bits are its code, sign repeated; the map's inverse leads back."""
    codes, bits, signed, choice = case
    stream = choice.of(bits, codes.shape)
    packing = stream.packing
    words = to_words(to_patterns(codes, bits=bits, signed=signed, name="t"), codes.shape, bits, signed, stream)
    numbers = [int.from_bytes(bytes(word), "little") for word in words]
    seen = 0
    for beat, number in enumerate(numbers):
        assert number < 1 << packing.word_bits
        for lane in range(packing.lanes):
            at = coordinate_at(stream, codes.shape, beat, lane)
            held = (number >> packing.lane_at(lane)) & ((1 << packing.lane_bits) - 1)
            if at is None:
                assert held == 0
                continue
            seen += 1
            assert held == int(codes[at]) % (1 << packing.lane_bits)
            assert place_of(stream, codes.shape, at) == Place(beat, lane)
    assert seen == codes.size


@pytest.mark.parametrize("first", ["lowest", "highest"])
def test_four_bits_two_a_byte(first: str) -> None:
    """The low nibble first, or the high one."""
    stream = StreamChoice(lanes=2, first_lane=first).of(4, (3,))
    words = to_words(np.array([1, 2, 0xF], np.uint64), (3,), 4, False, stream)
    assert words.tolist() == ([[0x21], [0x0F]] if first == "lowest" else [[0x12], [0xF0]])


def test_24_bits_in_three_bytes() -> None:
    """No byte is spent on filling: -2 is fe ff ff."""
    stream = StreamChoice().of(24, (2,))
    words = to_words(to_patterns(np.array([-2, 5]), bits=24, signed=True, name="t"), (2,), 24, True, stream)
    assert words.tolist() == [[0xFE, 0xFF, 0xFF], [5, 0, 0]]


def test_a_lane_wider_than_its_code_repeats_the_sign() -> None:
    """Six bits in lanes of eight: -1 is ff, and an unsigned 63 is 3f."""
    packing = Packing(lanes=2, lane_bits=8, word_bits=20, first_lane="lowest", byte_order="little")
    one = np.array([63, 1], np.uint64)
    assert pack(one, 6, True, packing).tolist() == [[0xFF, 0x01, 0x00]]
    assert pack(one, 6, False, packing).tolist() == [[0x3F, 0x01, 0x00]]


def test_wrong_spare_bits_are_not_certain() -> None:
    """Of a lane they make its code doubtful, of the word all of its codes."""
    packing = Packing(lanes=2, lane_bits=8, word_bits=20, first_lane="lowest", byte_order="little")
    found, certain = unpack(np.array([[0x7F, 0x01, 0x00], [0x01, 0x02, 0x10]], np.uint8), 6, True, packing, 4)
    assert certain.tolist() == [False, True, False, False] and found.tolist() == [63, 1, 1, 2]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"lanes": 100_000}, "packing does not exist"),
        ({"word_bits": 5000}, "packing does not exist"),
        ({"first_lane": "middle"}, "packing does not exist"),
        ({"byte_order": "middle"}, "packing does not exist"),
        ({"layout": "spiral"}, "unknown layout"),
        ({"layout": "tiles9999x9999"}, "does not suit"),
    ],
)
def test_streams_that_do_not_exist_are_refused(choice: dict[str, object], said: str) -> None:
    """With the option that is wrong."""
    with pytest.raises(BadInput, match=said) as error:
        StreamChoice.model_validate(choice).of(8, (2, 3))
    assert error.value.where.startswith("--")


def test_beats_that_are_not_there_are_refused() -> None:
    """Past the last beat or lane."""
    stream = Stream.plain(8)
    for beat, lane in ((3, 0), (0, 1), (-1, 0), (0, -1)):
        with pytest.raises(BadInput, match="no such beat"):
            coordinate_at(stream, (3,), beat, lane)
