"""$readmemh text and raw bytes: round trips at every width, and what simulators write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.golden.vectors.memory import (
    from_bin,
    from_mem,
    from_patterns,
    from_values,
    to_bin,
    to_mem,
    to_patterns,
)
from bittrue.golden.vectors.npy import storage_dtype
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import BadInput, OutOfDomain

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)


@st.composite
def code_arrays(draw: st.DrawFn) -> tuple[np.ndarray, int, bool]:
    """Codes of 2..64 bits that include both ends of the range, with width and signedness."""
    bits, signed = draw(st.integers(2, 64)), draw(st.booleans())
    low, high = code_range(bits, signed)
    codes = [low, high, *draw(st.lists(st.integers(low, high), max_size=9))]
    return np.array(codes, dtype=storage_dtype(bits, signed)), bits, signed


@EXAMPLES
@given(code_arrays())
def test_mem_round_trip(case: tuple[np.ndarray, int, bool]) -> None:
    """What to_mem writes, from_mem reads, at every width and sign."""
    codes, bits, signed = case
    text = to_mem(codes, bits, signed=signed, name="t")
    words = from_mem(text, bits, words=codes.size, where="t")
    assert words.known.all() and not words.complaint and not words.spelling
    back = from_patterns(words.patterns, bits=bits, signed=signed)
    assert back.dtype == codes.dtype and np.array_equal(back, codes)
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    assert [len(line) for line in lines] == [-(-bits // 4)] * codes.size
    assert [int(line, 16) for line in lines] == [int(code) % (1 << bits) for code in codes]


@EXAMPLES
@given(code_arrays())
def test_bin_round_trip(case: tuple[np.ndarray, int, bool]) -> None:
    """What to_bin writes, from_bin reads; each word is the code in ceil(bits/8) little-endian bytes."""
    codes, bits, signed = case
    data, size = to_bin(codes, bits, signed=signed, name="t"), -(-bits // 8)
    assert data == b"".join(int(code).to_bytes(size, "little", signed=signed) for code in codes)
    words = from_bin(data, bits, signed=signed, words=codes.size)
    assert words.known.all() and not words.complaint
    assert np.array_equal(from_patterns(words.patterns, bits=bits, signed=signed), codes)


@EXAMPLES
@given(code_arrays())
def test_values_round_trip(case: tuple[np.ndarray, int, bool]) -> None:
    """Plain integers of any dtype give the patterns of their codes."""
    codes, bits, signed = case
    words = from_values(codes, bits, signed=signed, words=codes.size)
    assert words.known.all()
    assert np.array_equal(words.patterns, to_patterns(codes, bits=bits, signed=signed, name="t"))


def test_header_states_name_shape_and_width() -> None:
    """The comment header names tensor, shape, bits and signedness."""
    text = to_mem(np.array([[-1, 2]], dtype=np.int8), 6, signed=True, name="stem accumulator")
    assert text == (
        "// stem accumulator\n// shape [1, 2], row-major, one word a line\n// 6 bits, two's complement\n3f\n02\n"
    )


@pytest.mark.parametrize(("code", "bits", "signed"), [(32, 6, True), (-33, 6, True), (-1, 6, False), (64, 6, False)])
def test_code_outside_its_width_is_refused(code: int, bits: int, signed: bool) -> None:
    """No code is cut to its width in silence."""
    with pytest.raises(OutOfDomain, match="does not fit") as error:
        to_mem(np.array([[0, code]]), bits, signed=signed, name="t")
    assert error.value.where == "t[0, 1]" and error.value.got == code


def test_what_a_simulator_writes() -> None:
    """Comments, @ addresses out of order, underscores, either case and extra leading zeros are read."""
    text = "// 0x00\n/* two\n lines */ @2 F_F 0a // tail\n@0\n00000B1\n@1 7F @3 0b\n"
    words = from_mem(text, 8, words=4, where="t")
    assert words.patterns.tolist() == [0xB1, 0x7F, 0xFF, 0x0B]
    assert words.known.all() and words.complaint == "holds 5 words, expected 4"


def test_addresses_with_the_right_count() -> None:
    """A file with @ addresses that covers the memory has no complaint."""
    words = from_mem("@2\n2 3\n@0\n0 1\n", 4, words=4, where="t")
    assert words.patterns.tolist() == [0, 1, 2, 3] and not words.complaint


@pytest.mark.parametrize("word", ["x4", "4X", "zz", "Z", "x", "1x_4"])
def test_unknown_digits_are_no_number(word: str) -> None:
    """A word with an x or z digit is unknown, spelled as in the file, and raises nothing."""
    words = from_mem(f"00 {word} ff", 8, words=3, where="t")
    assert words.known.tolist() == [True, False, True]
    assert words.spelling == word.replace("_", "") and not words.complaint


def test_the_last_word_at_an_address_counts() -> None:
    """A word replaces what stood at its address, and is the one that is shown."""
    words = from_mem("@0 zz 01 @0 x1 @1 02", 8, words=2, where="t")
    assert words.known.tolist() == [False, True] and words.patterns[1] == 2 and words.spelling == "x1"


@pytest.mark.parametrize(("word", "bits"), [("100", 8), ("ffffff84", 8), ("3f", 5), ("1" + "0" * 16, 64)])
def test_too_wide_word_is_unknown(word: str, bits: int) -> None:
    """A word with more bits than its width is never cut to fit."""
    words = from_mem(f"1\n{word}", bits, words=2, where="t")
    assert words.known.tolist() == [True, False] and words.spelling == word


def test_missing_and_surplus_words() -> None:
    """Missing words are unknown, surplus ones complained of; a vast address costs no memory."""
    short = from_mem("1\n2\n", 8, words=3, where="t")
    assert short.known.tolist() == [True, True, False] and short.spelling == "missing"
    assert short.complaint == "holds 2 words, expected 3"
    assert from_mem("1 2 3 4", 8, words=3, where="t").complaint == "holds 4 words, expected 3"
    far = from_mem("1 2 @ffffffffffffffffffff 3", 8, words=3, where="t")
    assert far.known.tolist() == [True, True, False]
    assert far.complaint == "1 of its words lie past the last address, 0x2"
    assert from_mem("", 8, words=1, where="t").complaint == "holds 0 words, expected 1"


@pytest.mark.parametrize(
    "text",
    ["0g", "-1", "1.5", "/* open", "00 /* open 00", "é", "@", "@x1 00", "@-1 00", "00\x00", "0?", "0" * 99 + "g"],
)
def test_what_is_no_memory_file_is_refused(text: str) -> None:
    """A token that is neither word, address nor comment says so and names the file."""
    with pytest.raises(BadInput) as error:
        from_mem(text, 8, words=1, where="some.mem")
    assert error.value.where == "some.mem" and error.value.got


def test_hostile_text_costs_no_time() -> None:
    """Text made to be slow (open comments, vast addresses, endless words) is refused or read at once."""
    with pytest.raises(BadInput):
        from_mem("/*" * 200_000, 8, words=1, where="t")
    assert (
        from_mem("@" + "f" * 200_000 + " 1" * 50_000, 8, words=1, where="t").complaint
        == "holds 50000 words, expected 1"
    )
    assert not from_mem("f" * 200_000, 8, words=1, where="t").known.any()


def test_bin_with_wrong_spare_bits_or_length() -> None:
    """Raw words whose spare bits are wrong are unknown; odd lengths are complained of."""
    assert from_bin(b"\x3f", 6, signed=True, words=1).spelling == "0x3f"  # +63: -1 is ff
    assert from_bin(b"\xff", 6, signed=True, words=1).patterns.tolist() == [0x3F]
    assert not from_bin(b"\xff", 6, signed=False, words=1).known.any()
    odd = from_bin(b"\x01\x00\x02", 12, signed=False, words=2)
    assert odd.known.tolist() == [True, False]
    assert odd.complaint == "holds 1 words of 2 bytes and 1 bytes more, expected 2 words"


def test_values_outside_their_range() -> None:
    """A plain integer outside the code range is unknown and spelled in hex."""
    words = from_values(np.array([5, -1], dtype=np.int8), 8, signed=False, words=2)
    assert words.known.tolist() == [True, False] and words.spelling == "-0x1"
    huge = from_values(np.array([2**64 - 1], dtype=np.uint64), 64, signed=True, words=1)
    assert not huge.known.any()
