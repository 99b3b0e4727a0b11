"""Derived files: each decodes to its .npy, other writers' files are read, and files that differ are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.golden.vectors.check import check_package, compare_design
from bittrue.golden.vectors.derived import c_name, derived_parts
from bittrue.golden.vectors.derived_read import differing_word
from bittrue.golden.vectors.extras import Extras
from bittrue.golden.vectors.manifest import Manifest, manifest_text, payload_digest, sealed
from bittrue.golden.vectors.memory import to_patterns
from bittrue.golden.vectors.stream import StreamChoice, place_of
from bittrue.golden.vectors.values import Format, Value
from bittrue.golden.vectors.write import write_package
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)

FORMS: tuple[Format, ...] = ("hex", "bin", "coe", "mif", "h", "map")
PACKED = StreamChoice(layout="nc2hw", lanes=3, lane_bits=7, word_bits=29, byte_order="big")
STEPS = ("stem.0.conv", "stem.0.act", "head.norm")
CONV = "steps/000_stem.0.conv"


def value_of(codes: np.ndarray, bits: int, signed: bool, choice: StreamChoice) -> Value:
    """A value with a stream, as a manifest would state it."""
    return Value(
        role="constant", name="t", tensor=None, shape=codes.shape, counted=None, bits=bits, signed=signed,
        zero_point=(), scale=(), axis=None, npy="t.npy", mem="t.mem", stream=choice.of(bits, codes.shape), derived={},
    )  # fmt: skip


def file_of(form: Format, codes: np.ndarray, value: Value) -> bytes:
    """The bytes of a derived file."""
    patterns = to_patterns(codes, bits=value.bits, signed=value.signed, name="t")
    return b"".join(bytes(part) for part in derived_parts(form, patterns, value, "some title */ -- //"))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, Value, int]:
    """Codes, their value, and which element to change."""
    bits, signed = draw(st.integers(2, 64)), draw(st.booleans())
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=4)))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    count = int(np.prod(shape, dtype=int))
    codes = draw(
        st.lists(st.one_of(st.integers(low, high), st.sampled_from([low, high])), min_size=count, max_size=count)
    )
    choice = StreamChoice(
        layout=draw(st.sampled_from(["row-major", "nhwc", "tiles2x2", "k2"])),
        lanes=draw(st.integers(1, 3)),
        lane_bits=draw(st.integers(1, 64)),
        word_bits=draw(st.integers(1, 80)),
        first_lane=draw(st.sampled_from(["lowest", "highest"])),
        byte_order=draw(st.sampled_from(["little", "big"])),
    )
    array = np.array(codes, np.int64 if signed else np.uint64).reshape(shape)
    return array, value_of(array, bits, signed, choice), draw(st.integers(0, count - 1))


@pytest.mark.parametrize("form", FORMS)
@EXAMPLES
@given(case=cases())
def test_each_file_decodes_to_its_array_and_to_no_other(form: Format, case: tuple[np.ndarray, Value, int]) -> None:
    """The reader finds no difference, and the one word where a single bit was changed."""
    codes, value, at = case
    data = file_of(form, codes, value)
    patterns = to_patterns(codes, bits=value.bits, signed=value.signed, name="t")
    assert differing_word(form, data, patterns, value, where="t") == ""
    if form == "map":
        return
    patterns[at] ^= np.uint64(1)
    beat = place_of(value.words, codes.shape, tuple(np.unravel_index(at, codes.shape)) if codes.shape else ()).beat
    assert differing_word(form, data, patterns, value, where="t") == f"1 other words, the first at word {beat}"


SMALL = np.array([[1, -2, 3], [-4, 5, -6]])


def test_how_the_files_look() -> None:
    """The text formats, for six codes of four bits, two a word, in tiles of one row and two columns."""
    value = value_of(SMALL, 4, True, StreamChoice(layout="tiles1x2", lanes=2))
    texts = {form: file_of(form, SMALL, value).decode() for form in ("hex", "coe", "mif", "h", "map")}
    head = ["some title */ -- //", "shape [2, 3], tiles1x2, 2 codes a word, the first lowest"]
    assert texts["hex"].splitlines()[:2] == [f"// {line}" for line in head]
    assert texts["hex"].splitlines()[3:] == ["e1", "03", "5c", "0a"]
    assert texts["coe"].splitlines()[3:] == [
        "memory_initialization_radix=16;", "memory_initialization_vector=", "e1,", "03,", "5c,", "0a;",
    ]  # fmt: skip
    assert texts["mif"].splitlines()[3:] == [
        "WIDTH=8;", "DEPTH=4;", "ADDRESS_RADIX=HEX;", "DATA_RADIX=HEX;", "CONTENT BEGIN",
        "0 : e1;", "1 : 03;", "2 : 5c;", "3 : 0a;", "END;",
    ]  # fmt: skip
    assert texts["h"].splitlines()[-3:] == ["{0x5c,},", "{0x0a,},", "};"]
    assert texts["map"].splitlines()[:5] == [
        "word,lane,element,axis_0,axis_1",
        "0,0,0,0,0",
        "0,1,1,0,1",
        "1,0,2,0,2",
        "1,1,,,",
    ]
    assert file_of("bin", SMALL, value) == bytes([0xE1, 0x03, 0x5C, 0x0A])


def test_a_c_compiler_reads_the_header(tmp_path: Path) -> None:
    """The numbers that C sees are the codes, the least 64-bit one included."""
    codes = np.array([-(1 << 63), (1 << 63) - 1, 0, -1])
    (tmp_path / "t.h").write_bytes(file_of("h", codes, value_of(codes, 64, True, StreamChoice())))
    name = c_name("some title */ -- //")
    (tmp_path / "t.c").write_text(
        f'#include <stdio.h>\n#include "t.h"\nint main(void) {{ for (int i = 0; i < {name.upper()}_WORDS; i++)'
        f' printf("%lld\\n", (long long){name}[i]); return 0; }}\n'
    )
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "a C compiler is needed, as for numba's and Verilator's tests"
    subprocess.run([compiler, "-Wall", "-Werror", "-o", tmp_path / "t", tmp_path / "t.c"], check=True)
    said = subprocess.run([tmp_path / "t"], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in said.split()] == codes.tolist()


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        ("hex", "e1\n", "@0 E_1\n"),
        ("hex", "e1\n", "/* x */ 0e1 // y\n"),
        ("coe", "e1,\n", " E1 , "),
        ("mif", "0 : e1;\n", "  00 :E1 ; -- first\n"),
        ("h", "{0xe1,}", "{ 225 }"),
        ("h", "{0xe1,}", "{0XE1}"),
    ],
)
def test_another_writers_file_is_read(form: Format, old: str, new: str) -> None:
    """The same words in another spelling are the same words."""
    value = value_of(SMALL, 4, True, StreamChoice(layout="tiles1x2", lanes=2))
    text = file_of(form, SMALL, value).decode()
    assert old in text
    patterns = to_patterns(SMALL, bits=4, signed=True, name="t")
    assert differing_word(form, text.replace(old, new, 1).encode(), patterns, value, where="t") == ""


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        ("hex", "e1\n", "xx\n"),
        ("hex", "e1\n", "1e1\n"),
        ("hex", "e1\n", ""),
        ("hex", "e1\n", "hello\n"),
        ("coe", "radix=16", "radix=10"),
        ("coe", "e1,", "e1;"),
        ("coe", "e1,", "1e1,"),
        ("coe", "e1,", ","),
        ("mif", "WIDTH=8", "WIDTH=16"),
        ("mif", "DEPTH=4", "DEPTH=5"),
        ("mif", "0 : e1", "1 : e1"),
        ("mif", "0 : e1", "[0..3] : e1"),
        ("mif", "END;", ""),
        ("h", "0xe1", "0x1e1"),
        ("h", "0xe1", "system(1)"),
        ("h", "static const", ""),
    ],
)
def test_what_is_not_of_its_format_is_refused(form: Format, old: str, new: str) -> None:
    """Unknown digits, words that are too wide, other radices, addresses out of order and code."""
    value = value_of(SMALL, 4, True, StreamChoice(layout="tiles1x2", lanes=2))
    text = file_of(form, SMALL, value).decode()
    assert old in text
    patterns = to_patterns(SMALL, bits=4, signed=True, name="t")
    with pytest.raises(BadInput) as error:
        differing_word(form, text.replace(old, new, 1).encode(), patterns, value, where="t")
    assert error.value.where == "t" and error.value.got


@pytest.fixture
def derived(program: Program, traces: tuple[Trace, ...], tmp_path: Path) -> Path:
    """A package with every format, packed."""
    extras = Extras.of((*FORMS, "tosa"), PACKED)
    write_package(
        program, traces, STEPS, tmp_path / "derived", seed=3, command="c", image_names=("a", "b"), extras=extras
    )
    return tmp_path / "derived"


def relisted(package: Path, path: str, data: bytes) -> None:
    """Other bytes in a file, with size, hash and digests that fit."""
    manifest = Manifest.model_validate_json((package / "manifest.json").read_bytes())
    (package / path).write_bytes(data)
    entry = manifest.files[path].model_copy(update={"bytes": len(data), "sha256": sha256(data).hexdigest()})
    files = {**manifest.files, path: entry}
    changed = manifest.model_copy(update={"files": files, "payload_digest": payload_digest(files)})
    (package / "manifest.json").write_text(manifest_text(sealed(changed)))


def test_a_package_with_every_format_is_whole(derived: Path) -> None:
    """Every value has every file, with its stream in the manifest; the request is recorded."""
    manifest = check_package(derived)
    assert manifest.extras == Extras.of((*FORMS, "tosa"), PACKED)
    for step in manifest.steps:
        for value in step.values:
            assert set(value.derived) == set(FORMS) and value.stream == PACKED.of(value.bits, value.shape)


@pytest.mark.parametrize("form", [*FORMS, "mem"])
def test_a_changed_bit_with_fitting_hashes_is_refused(derived: Path, form: str) -> None:
    """In any derived file: what it holds is not what its .npy holds."""
    path = f"{CONV}/accumulator.{'map.csv' if form == 'map' else form}"
    data = (derived / path).read_bytes()
    at = {"bin": len(data) - 2, "h": data.rfind(b"0x") + 2}.get(form, data.rfind(b"0"))
    relisted(derived, path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(BadInput, match="does not hold the codes") as error:
        check_package(derived)
    assert error.value.where == str(derived / path)


def test_tosa_tests_hold_the_values_of_one_image(derived: Path) -> None:
    """A folder an image, with desc.json as TOSA's runners read it; inputs and outputs are that image's."""
    place = derived / CONV / "tosa" / "001"
    desc = json.loads((place / "desc.json").read_bytes())
    assert (desc["ifm_name"][0], desc["ifm_file"][0], desc["ofm_file"]) == ("input_0", "input-0.npy", ["output-0.npy"])
    assert desc["expected_failure"] is False and desc["ifm_name"][1:] == ["weight", "bias", "multiplier", "shift"]
    whole = np.load(derived / CONV / "output.npy")
    assert np.array_equal(np.load(place / "output-0.npy"), whole[1])
    assert np.array_equal(np.load(place / desc["stage_file"][0]), np.load(derived / CONV / "accumulator.npy")[1])


@pytest.mark.parametrize("path", ["tosa/001/output-0.npy", "tosa/001/desc.json"])
def test_tosa_files_that_differ_are_refused(derived: Path, path: str) -> None:
    """An array of the other image, and a description that says otherwise, with fitting hashes."""
    data = (derived / CONV / path).read_bytes()
    other = (derived / CONV / path.replace("001", "000")).read_bytes()
    assert other != data
    relisted(derived, f"{CONV}/{path}", other)
    with pytest.raises(BadInput, match="does not hold the codes|not that of the manifest"):
        check_package(derived)


@pytest.mark.parametrize("suffix", [".hex", ".bin"])
def test_a_design_answers_in_the_stream_and_hears_of_beat_and_lane(derived: Path, tmp_path: Path, suffix: str) -> None:
    """A packed dump agrees; a flipped bit is found at its beat, lane and coordinate."""
    folder = tmp_path / "d" / "stem.0.conv"
    folder.mkdir(parents=True)
    dump = folder / f"accumulator{suffix}"
    data = (derived / CONV / f"accumulator{suffix}").read_bytes()
    dump.write_bytes(data)
    assert compare_design(derived, tmp_path / "d").agreed
    value = next(v for v in check_package(derived).steps[0].values if v.name == "accumulator")
    at = (1, 0, 1, 2, 0)
    place = place_of(value.words, value.shape, at)
    packing = value.words.packing
    assert packing.lanes == 3 and place.lane > 0
    bit = packing.lane_at(place.lane) + 2
    if suffix == ".bin":
        changed = bytearray(data)
        changed[place.beat * packing.word_bytes + packing.word_bytes - 1 - bit // 8] ^= 1 << bit % 8
        dump.write_bytes(bytes(changed))
    else:
        lines = data.decode().splitlines()
        first = len(lines) - sum(not line.startswith("//") for line in lines)
        word = int(lines[first + place.beat], 16) ^ (1 << bit)
        lines[first + place.beat] = f"{word:0{packing.digits}x}"
        dump.write_text("\n".join(lines))
    found = compare_design(derived, tmp_path / "d").files[0]
    assert found.mismatches == 1 and found.first is not None
    assert (found.first.coordinate, found.first.beat, found.first.lane) == (at, place.beat, place.lane)
    assert found.first.xor_hex == "0x000004"
    assert f"[0, 1, 2, 0] beat {place.beat} lane {place.lane}: expected" in str(found.first)


def test_unknown_digits_of_a_packed_word(derived: Path, tmp_path: Path) -> None:
    """An x is a mismatch of the lanes that it stands in, and of no other; a missing word is one of all its lanes."""
    folder = tmp_path / "d" / "stem.0.conv"
    folder.mkdir(parents=True)
    lines = [
        line for line in (derived / CONV / "accumulator.hex").read_text().splitlines() if not line.startswith("//")
    ]
    lines[0] = "x" + lines[0][1:]
    (folder / "accumulator.hex").write_text("\n".join(lines))
    found = compare_design(derived, tmp_path / "d").files[0]
    assert found.mismatches == 1 and found.first is not None and found.first.actual_hex == lines[0]
    (folder / "accumulator.hex").write_text("\n".join(lines[1:]))
    short = compare_design(derived, tmp_path / "d").files[0]
    assert short.complaint.startswith("holds") and not short.agreed


@pytest.mark.parametrize("formats", [("zip",), ("npy",), ("hex", "")])
def test_unknown_formats_are_refused(formats: tuple[str, ...]) -> None:
    """With the known ones; .mem may be named and is always there."""
    with pytest.raises(BadInput, match="unknown format"):
        Extras.of(formats)
    assert Extras.of(("mem",)) == Extras()


LOOP = {"axis": 0, "size": 2, "stride": 1}


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (("packing",), {"lanes": 0}),
        (("packing",), {"lanes": 1 << 40}),
        (("packing",), {"lane_bits": 5}),
        (("packing",), {"word_bits": 8}),
        (("packing",), {"first_lane": "middle"}),
        (("layout",), {"loops": [LOOP]}),
        (("layout",), {"loops": [LOOP, LOOP]}),
        (("layout",), {"loops": [{**LOOP, "size": 1 << 60}]}),
        (("layout",), {"loops": [{**LOOP, "axis": 31}]}),
        (("layout",), {"name": "../x"}),
        ((), {"surprise": 1}),
    ],
)
def test_a_strangers_stream_that_makes_no_sense_is_refused(
    derived: Path, place: tuple[str, ...], change: dict[str, object]
) -> None:
    """Lanes, loops and names outside their domain, before any file is read or any memory is taken."""
    document = json.loads((derived / "manifest.json").read_bytes())
    inner = document["steps"][0]["values"][5]["stream"]
    for part in place:
        inner = inner[part]
    inner.update(change)
    (derived / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(BadInput, match="not valid"):
        check_package(derived)


@pytest.mark.parametrize("path", ["../x.hex", f"{CONV}/output.npy", f"{CONV}/nowhere.hex", "/etc/passwd"])
def test_a_derived_path_that_leaves_or_is_not_listed_is_refused(derived: Path, path: str) -> None:
    """As every other path of the manifest; one file serves one value."""
    document = json.loads((derived / "manifest.json").read_bytes())
    document["steps"][0]["values"][5]["derived"]["hex"] = path
    (derived / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(BadInput, match="not valid"):
        check_package(derived)
