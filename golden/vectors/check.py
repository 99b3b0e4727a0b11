"""The two questions about a vector package: is it whole, and does a design agree with it?"""

from __future__ import annotations

from pathlib import Path

from bittrue.golden.vectors.design import DesignVerdict, judge_design
from bittrue.golden.vectors.manifest import MANIFEST_NAME, Manifest, Value
from bittrue.golden.vectors.memory import from_mem, to_patterns
from bittrue.golden.vectors.package import AGAIN, files_of, load_value, read_manifest, verified_bytes
from bittrue.spec.errors import BadInput, OutOfDomain


def check_package(package: Path) -> Manifest:
    """Prove that a package is whole, and return its manifest.

    Compared: the manifest with its model and digests, the files present with the file table, every
    size and SHA-256, every .npy with its stated shape, dtype and width, every .mem with its .npy.
    Raises BadInput for the first thing that is wrong. Nothing outside `package` is read.
    """
    manifest = read_manifest(package)
    _check_listing(package, manifest)
    named: set[str] = set()
    for step in manifest.steps:
        for value in step.values:
            _check_value(package, manifest, value)
            named |= {value.npy, value.mem}
    for path in sorted(set(manifest.files) - named):
        verified_bytes(package, manifest, path)
    return manifest


def compare_design(package: Path, dut: Path) -> DesignVerdict:
    """Compare what a design dumped with a package, exactly and bit for bit.

    dut: a folder with STEP/STAGE.npy, .mem or .bin; STEP is a step's name or its NNN_name folder, STAGE
    one of its stages or `output`. The package is checked first. Raises BadInput where nothing can be
    judged: no file to compare, a file for an unknown step or stage, a file that cannot be read.
    """
    return judge_design(package, check_package(package), dut)


def _check_listing(package: Path, manifest: Manifest) -> None:
    present = set(files_of(package)) - {MANIFEST_NAME}
    listed = set(manifest.files)
    if present != listed:
        missing, extra = sorted(listed - present), sorted(present - listed)
        raise BadInput(
            "the files are not those that the manifest lists",
            where=str(package),
            got=f"{len(missing)} missing {missing[:3]}, {len(extra)} extra {extra[:3]}",
            expected=f"{len(listed)} files",
            next_step=AGAIN,
        )


def _check_value(package: Path, manifest: Manifest, value: Value) -> None:
    codes = load_value(package, manifest, value)
    try:
        patterns = to_patterns(codes, bits=value.bits, signed=value.signed, name=value.name)
    except OutOfDomain as error:
        raise BadInput(
            error.what,
            where=f"{package / value.npy}: {error.where}",
            got=error.got,
            expected=error.expected,
            next_step=AGAIN,
        ) from error
    where = str(package / value.mem)
    text = verified_bytes(package, manifest, value.mem).decode("utf-8", errors="replace")
    words = from_mem(text, value.bits, words=patterns.size, where=where)
    same = words.known & (words.patterns == patterns)
    if words.complaint or not same.all():
        got = words.complaint or f"{int((~same).sum())} other words, the first at word {int(same.argmin())}"
        raise BadInput(
            "a .mem file does not hold the codes of its .npy file",
            where=where,
            got=got,
            expected=f"the {patterns.size} codes of {value.npy}",
            next_step=AGAIN,
        )
