"""compare_design: what a design dumped against the package, exactly, with the first difference named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bittrue.golden.vectors.check import compare_design
from bittrue.golden.vectors.design import FileVerdict, Mismatch
from bittrue.golden.vectors.memory import to_bin
from bittrue.spec.errors import BadInput

Dumps = Callable[[], Path]
CONV = "steps/000_stem.0.conv"


def lines_of(file: Path) -> list[str]:
    """The words of a .mem file without its header."""
    return [line for line in file.read_text().splitlines() if not line.startswith("//")]


def only(package: Path, folder: Path, *, step: str = "stem.0.conv", name: str, data: bytes) -> FileVerdict:
    """The verdict on a design that dumped one file."""
    (folder / step).mkdir(parents=True)
    (folder / step / name).write_bytes(data)
    verdict = compare_design(package, folder)
    assert len(verdict.files) == 1 and verdict.agreed == verdict.files[0].agreed
    return verdict.files[0]


def test_equal_dumps_agree(package: Path, dut: Dumps) -> None:
    """The package's own words agree, every file is counted, and nothing is left out."""
    verdict = compare_design(package, dut())
    assert verdict.agreed and verdict.first_difference is None and verdict.not_compared == ()
    assert [(file.step, file.stage) for file in verdict.files][:4] == [
        ("stem.0.conv", "accumulator"),
        ("stem.0.conv", "rounded"),
        ("stem.0.conv", "output"),
        ("stem.0.act", "output"),
    ]
    assert [file.elements for file in verdict.files] == [48, 48, 48, 48, 12, 12, 12, 12, 12, 48, 48]
    assert verdict.words == 4 * 48 + 5 * 12 + 2 * 48


def test_one_planted_bit(package: Path, dut: Dumps) -> None:
    """One wrong bit is reported at its image and coordinate, in hex, decimal and XOR."""
    folder = dut()
    file = folder / "stem.0.conv" / "accumulator.mem"
    truth = np.load(package / CONV / "accumulator.npy")
    words = lines_of(file)
    at = np.ravel_multi_index((1, 0, 1, 2, 3), truth.shape)
    words[at] = f"{int(words[at], 16) ^ 0x000100:06x}"
    file.write_text("\n".join(words))
    verdict = compare_design(package, folder)
    assert not verdict.agreed
    found = verdict.first_difference
    assert found is not None and (found.mismatches, found.elements, found.complaint) == (1, 48, "")
    expected = int(truth[1, 0, 1, 2, 3])
    raw = expected % (1 << 21)
    actual = raw ^ 0x100
    assert found.first == Mismatch(
        step="stem.0.conv",
        stage="accumulator",
        coordinate=(1, 0, 1, 2, 3),
        counted="image",
        beat=None,
        lane=None,
        expected=expected,
        expected_hex=f"0x{raw:06x}",
        actual=actual - (1 << 21) if actual >> 20 else actual,
        actual_hex=f"0x{actual:06x}",
        xor_hex="0x000100",
    )


def test_words_of_a_mismatch(package: Path, tmp_path: Path) -> None:
    """The one-line text holds place, both sides in hex at the width and in decimal, and the XOR."""
    truth = np.load(package / CONV / "output.npy")
    codes = truth.copy()
    codes[0, 0, 1, 0, 2] = -1 if truth[0, 0, 1, 0, 2] != -1 else -2
    found = only(package, tmp_path / "d", name="output.bin", data=to_bin(codes, 6, signed=True, name="t")).first
    old, new = int(truth[0, 0, 1, 0, 2]), int(codes[0, 0, 1, 0, 2])
    assert str(found) == (
        f"stem.0.conv output[image 0][0, 1, 0, 2]: expected 0x{old % 64:02x} ({old}), "
        f"actual 0x{new % 64:02x} ({new}), xor 0x{(old ^ new) % 64:02x}"
    )


def test_first_divergent_stage_comes_first(package: Path, dut: Dumps) -> None:
    """Where stage and output both differ, the stage is the first difference."""
    folder = dut()
    for name in ("output", "rounded"):
        file = folder / "stem.0.conv" / f"{name}.mem"
        file.write_text("\n".join(["0" if int(word, 16) else "1" for word in lines_of(file)]))
    found = compare_design(package, folder).first_difference
    assert found is not None and found.path == "stem.0.conv/rounded.mem" and found.mismatches == 48


@pytest.mark.parametrize("suffix", [".npy", ".bin", ".mem"])
@pytest.mark.parametrize("step", ["stem.0.conv", "000_stem.0.conv"])
def test_formats_and_folder_names(package: Path, tmp_path: Path, suffix: str, step: str) -> None:
    """Each format is taken, below the step's name or below its folder's."""
    truth = np.load(package / CONV / "accumulator.npy")
    data = (
        to_bin(truth, 21, signed=True, name="t")
        if suffix == ".bin"
        else (package / CONV / f"accumulator{suffix}").read_bytes()
    )
    verdict = only(package, tmp_path / "d", step=step, name=f"accumulator{suffix}", data=data)
    assert verdict.agreed and verdict.path == f"{step}/accumulator{suffix}" and verdict.step == "stem.0.conv"


def test_npy_of_another_integer_type(package: Path, tmp_path: Path) -> None:
    """A .npy holds values: any integer dtype, byte order and memory order, in shape or flat."""
    truth = np.load(package / CONV / "output.npy")
    for count, array in enumerate((truth.astype(">i4"), np.asfortranarray(truth), truth.reshape(-1).astype(np.int64))):
        file = tmp_path / f"{count}.npy"
        np.save(file, array)
        assert only(package, tmp_path / f"d{count}", name="output.npy", data=file.read_bytes()).agreed
    np.save(tmp_path / "turned.npy", truth.reshape(2, 2, 1, 3, 4))
    turned = only(package, tmp_path / "turned", name="output.npy", data=(tmp_path / "turned.npy").read_bytes())
    assert turned.mismatches == 0 and not turned.agreed
    assert turned.complaint == "has shape (2, 2, 1, 3, 4), expected (2, 1, 2, 3, 4) or (48,)"


def test_npy_value_outside_its_width(package: Path, tmp_path: Path) -> None:
    """A value that the width does not hold is a mismatch, even where its low bits are right."""
    codes = np.load(package / CONV / "output.npy").astype(np.int64)
    codes[1, 0, 0, 0, 0] += 64
    np.save(tmp_path / "wide.npy", codes)
    found = only(package, tmp_path / "d", name="output.npy", data=(tmp_path / "wide.npy").read_bytes())
    assert found.mismatches == 1 and found.first is not None
    assert (found.first.coordinate, found.first.actual, found.first.xor_hex) == ((1, 0, 0, 0, 0), None, None)
    assert found.first.actual_hex == f"{int(codes[1, 0, 0, 0, 0]):#x}"


def test_simulator_dump_with_addresses(package: Path, tmp_path: Path) -> None:
    """A $writememh file with comments and @ jumps, its halves swapped, agrees."""
    words = lines_of(package / CONV / "accumulator.mem")
    text = "\n".join(["// 0x00000018", "@18", *words[24:], "/* then */ @0", *[w.upper() for w in words[:24]]])
    assert only(package, tmp_path / "d", name="accumulator.mem", data=text.encode()).agreed


def test_unknown_digits_are_mismatches(package: Path, tmp_path: Path) -> None:
    """A word with x or z digits is a mismatch at its coordinate, shown as it was dumped."""
    words = lines_of(package / CONV / "accumulator.mem")
    words[30], words[40] = "0000zx", "xxxxxx"
    found = only(package, tmp_path / "d", name="accumulator.mem", data="\n".join(words).encode())
    assert found.mismatches == 2 and found.complaint == "" and found.first is not None
    assert found.first.coordinate == (1, 0, 0, 1, 2)
    assert (found.first.actual, found.first.actual_hex, found.first.xor_hex) == (None, "0000zx", None)
    assert str(found.first).endswith(", actual 0000zx")


def test_unknown_word_where_the_truth_is_zero(package: Path, tmp_path: Path) -> None:
    """Words of x in place of zeros are mismatches too."""
    words = lines_of(package / "steps/001_stem.0.act/output.mem")
    zeros = words.count("00")
    assert 0 < zeros < len(words)
    text = "\n".join("xx" if word == "00" else word for word in words)
    assert only(package, tmp_path / "d", step="stem.0.act", name="output.mem", data=text.encode()).mismatches == zeros


@pytest.mark.parametrize("suffix", [".mem", ".bin", ".npy"])
def test_wrong_number_of_words(package: Path, tmp_path: Path, suffix: str) -> None:
    """A word too few or too many is a difference with a text; a missing word is a mismatch."""
    truth = np.load(package / CONV / "output.npy").reshape(-1)
    for count in (47, 49):
        codes = np.resize(truth, count)
        if suffix == ".npy":
            np.save(tmp_path / "x.npy", codes)
            data = (tmp_path / "x.npy").read_bytes()
        elif suffix == ".bin":
            data = to_bin(codes, 6, signed=True, name="t")
        else:
            data = "\n".join(f"{int(code) % 64:02x}" for code in codes).encode()
        found = only(package, tmp_path / f"d{count}", name=f"output{suffix}", data=data)
        assert not found.agreed and found.complaint == f"holds {count} words, expected 48"
        assert found.mismatches == (1 if count == 47 else 0)
        if count == 47:
            assert found.first is not None and found.first.actual_hex == "missing"
            assert found.first.coordinate == (1, 0, 1, 2, 3)


def test_what_was_not_dumped_is_listed(package: Path, tmp_path: Path) -> None:
    """A design may dump some stages; the verdict lists the others."""
    (tmp_path / "d" / "stem.0.act").mkdir(parents=True)
    (tmp_path / "d" / "stem.0.act" / "output.npy").write_bytes(
        (package / "steps/001_stem.0.act/output.npy").read_bytes()
    )
    verdict = compare_design(package, tmp_path / "d")
    assert verdict.agreed and len(verdict.not_compared) == 10 and "stem.0.conv/accumulator" in verdict.not_compared


def test_other_files_do_not_disturb(package: Path, dut: Dumps) -> None:
    """Logs, waves, build folders and copies of inputs and constants beside the dumps are passed over."""
    folder = dut()
    (folder / "waves.vcd").write_text("x")
    (folder / "obj_dir").mkdir()
    (folder / "obj_dir" / "Vtop.cpp").write_text("x")
    (folder / "obj_dir" / "deep").mkdir()
    (folder / "obj_dir" / "deep" / "rom.bin").write_text("x")
    (folder / "stem.0.conv" / "run.log").write_text("x")
    (folder / "stem.0.conv" / "const_weight.mem").write_text("zz")
    assert compare_design(package, folder).agreed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("output.mem", "no step"),
        ("stem.0.cnv/output.mem", "no step"),
        ("stem.0.conv/acumulator.mem", "no stage"),
        ("stem.0.act/accumulator.bin", "no stage"),
        ("run1/stem.0.act/output.mem", "too deep"),
        ("stem.0.cnv/OUTPUT.MEM", "no step"),
    ],
)
def test_files_for_nothing_are_refused(package: Path, dut: Dumps, path: str, text: str) -> None:
    """A dump that belongs to no step or stage is refused, with the nearest names."""
    folder = dut()
    (folder / path).parent.mkdir(exist_ok=True, parents=True)
    (folder / path).write_text("00")
    with pytest.raises(BadInput, match=text) as error:
        compare_design(package, folder)
    assert error.value.where == str(folder / path) and error.value.next_step
    if "cnv" in path:
        assert "stem.0.conv" in error.value.next_step
    if "acumulator" in path:
        assert error.value.next_step == "nearest names: accumulator"


def test_nothing_to_judge_is_refused(package: Path, tmp_path: Path) -> None:
    """An empty folder, none at all, and one with copied inputs only could not be judged."""
    (tmp_path / "d" / "stem.0.conv").mkdir(parents=True)
    with pytest.raises(BadInput, match="nothing to compare") as error:
        compare_design(package, tmp_path / "d")
    assert error.value.exit_code == 2
    (tmp_path / "d" / "stem.0.conv" / "input_0.mem").write_text("00")
    with pytest.raises(BadInput, match="nothing to compare"):
        compare_design(package, tmp_path / "d")
    with pytest.raises(BadInput, match="no such folder"):
        compare_design(package, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "data"), [("output.mem", b"hello"), ("output.npy", b"hello"), ("output.mem", b"\xff\xfe")]
)
def test_unreadable_dumps_are_refused(package: Path, tmp_path: Path, name: str, data: bytes) -> None:
    """A file that is not of its format could not be judged; it is no difference."""
    with pytest.raises(BadInput) as error:
        only(package, tmp_path / "d", name=name, data=data)
    assert error.value.where == str(tmp_path / "d" / "stem.0.conv" / name)


def test_float_dump_is_refused(package: Path, tmp_path: Path) -> None:
    """Floats are never compared with codes."""
    np.save(tmp_path / "f.npy", np.load(package / CONV / "output.npy").astype(np.float32))
    with pytest.raises(BadInput, match="does not hold integers"):
        only(package, tmp_path / "d", name="output.npy", data=(tmp_path / "f.npy").read_bytes())


def test_damaged_package_is_not_compared(package: Path, dut: Dumps) -> None:
    """A package that is not whole judges nobody."""
    folder = dut()
    (package / CONV / "const_bias.mem").write_text("0")
    with pytest.raises(BadInput, match="another size"):
        compare_design(package, folder)
