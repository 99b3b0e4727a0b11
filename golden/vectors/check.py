"""The two questions about a vector package: is it whole, and does a design agree with it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bittrue.golden.vectors.derived import derived_parts
from bittrue.golden.vectors.derived_read import differing_word
from bittrue.golden.vectors.design import DesignVerdict, judge_design
from bittrue.golden.vectors.manifest import MANIFEST_NAME, Group, Manifest, UnitSet
from bittrue.golden.vectors.memory import from_mem, mem_parts, to_patterns
from bittrue.golden.vectors.npy import npy_parts
from bittrue.golden.vectors.package import AGAIN, files_of, load_value, read_manifest, verified_bytes
from bittrue.golden.vectors.packing import Patterns
from bittrue.golden.vectors.tags import read_tags
from bittrue.golden.vectors.tosa import array_of, desc_text
from bittrue.golden.vectors.values import Value
from bittrue.spec.errors import BadInput, OutOfDomain

Read = Callable[[str, int, int], None]
"""Told the label of each step or set when it is checked, its bytes, and how many there are."""


def check_package(package: Path, *, read: Read = lambda label, size, groups: None) -> Manifest:
    """Prove that a package is whole, and return its manifest.

    Compared: the manifest with its model and digests, the files present with the file table, every
    size and SHA-256, every .npy with its stated shape, dtype and width, every .mem and derived file with its
    .npy, every file of tags with the coverage that the manifest states.
    Raises BadInput for the first thing that is wrong. Nothing outside `package` is read.
    """
    manifest = read_manifest(package)
    _check_listing(package, manifest)
    seen: set[str] = set()
    for group in manifest.groups:
        for value in group.values:
            _check_value(package, manifest, group, value)
        if isinstance(group, UnitSet):
            _check_tags(package, manifest, group)
        named = group.named_files
        for path in sorted(set(named) & {test.desc for test in group.tosa}):
            _check_description(package, manifest, group, path)
        seen |= set(named)
        read(group.label, sum(manifest.files[path].bytes for path in named), len(manifest.groups))
    for path in sorted(set(manifest.files) - seen):
        verified_bytes(package, manifest, path)
    return manifest


def compare_design(package: Path, dut: Path) -> DesignVerdict:
    """Compare what a design dumped with a package, exactly and bit for bit.

    dut: a folder with LABEL/STAGE.npy, .mem, .hex or .bin; LABEL is a step's name, a unit set's UNIT.SET, or the
    folder of either, STAGE one of its stages or `output`. The package is checked first. Raises BadInput where nothing
    can be judged: no file to compare, a file for an unknown step or stage, a file that cannot be read.
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


def _check_value(package: Path, manifest: Manifest, group: Group, value: Value) -> None:
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
    data = verified_bytes(package, manifest, value.mem)
    if not _same(data, mem_parts(patterns, value.shape, value.bits, signed=value.signed, name=_title(data))):
        _check_mem(package, value, patterns, data)
    for form, path in value.derived.items():
        data = verified_bytes(package, manifest, path)
        if not _same(data, derived_parts(form, patterns, value, _title(data))):
            got = differing_word(form, data, patterns, value, where=str(package / path))
            if got:
                raise _other_codes(package, path, value, got)
    for test in group.tosa:
        for path, (npy, image) in test.arrays.items():
            if npy == value.npy and not _same(
                verified_bytes(package, manifest, path), npy_parts(array_of(value, codes, image))
            ):
                raise _other_codes(package, path, value, "other bytes")


def _check_mem(package: Path, value: Value, patterns: Patterns, data: bytes) -> None:
    """The .mem file of another writer, word by word."""
    text = data.decode("utf-8", errors="replace")
    words = from_mem(text, value.bits, words=patterns.size, where=str(package / value.mem))
    same = words.known & (words.patterns == patterns)
    if words.complaint or not same.all():
        got = words.complaint or f"{int((~same).sum())} other words, the first at word {int(same.argmin())}"
        raise _other_codes(package, value.mem, value, got)


def _check_tags(package: Path, manifest: Manifest, group: UnitSet) -> None:
    where = str(package / group.tags)
    text = verified_bytes(package, manifest, group.tags).decode("utf-8", errors="replace")
    found = {name: int(np.count_nonzero(mask)) for name, mask in read_tags(text, group.vectors, where).items()}
    stated = {name: count for name, count in group.coverage.items() if count}
    if found != stated:
        differing = sorted(name for name in {*found, *stated} if found.get(name) != stated.get(name))
        raise BadInput(
            "the tags are not the coverage that the manifest states",
            where=where,
            got=f"{differing[0]}: {found.get(differing[0], 0)} vectors",
            expected=f"{stated.get(differing[0], 0)} vectors",
            next_step=AGAIN,
        )


def _check_description(package: Path, manifest: Manifest, group: Group, path: str) -> None:
    """A desc.json that the group's values do not give is refused."""
    (test,) = (test for test in group.tosa if test.desc == path)
    images = [image for _, image in test.arrays.values() if image is not None]
    op = group.unit if isinstance(group, UnitSet) else str(getattr(group, "op", ""))
    wanted = desc_text(group.values, group.label, op, images[0] if images else None)
    if verified_bytes(package, manifest, path) != wanted.encode():
        raise BadInput(
            "a TOSA description is not that of the manifest's values",
            where=str(package / path),
            got="other text",
            expected=f"the description of {group.label}",
            next_step=AGAIN,
        )


def _same(data: bytes, parts: Iterable[bytes | memoryview]) -> bool:
    """Whether bytes are those of the parts, without putting the parts together."""
    at = 0
    for part in parts:
        if data[at : at + len(part)] != bytes(part):  # two copies cost less than comparing views item by item
            return False
        at += len(part)
    return at == len(data)


def _title(data: bytes) -> str:
    """The name in the first comment line of a text file, so that its text can be made again; whatever it says, only
    words decide."""
    for line in data[:4096].split(b"\n")[:2]:
        for sign in (b"// ", b"; ", b"-- ", b" * "):
            if line.startswith(sign):
                return line[len(sign) :].decode("utf-8", errors="replace")
    return ""


def _other_codes(package: Path, path: str, value: Value, got: str) -> BadInput:
    return BadInput(
        f"a .{path.rsplit('.', 1)[-1]} file does not hold the codes of its .npy file",
        where=str(package / path),
        got=got,
        expected=f"the {int(np.prod(value.shape, dtype=np.int64))} codes of {value.npy}",
        next_step=AGAIN,
    )
