"""bittrue's own files: arrays and a JSON document in one safetensors file, with kind, version and digest.

What a file says of itself is a claim: the kind, the version and the digest of what was read are checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.files import read_safetensors, write_safetensors

Held = TypeVar("Held")
DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, ValidationError)
"""What reading a damaged document may raise, none of it a fault of bittrue."""
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FileKind:
    """One kind of file."""

    name: str
    """As messages call it: "program"."""
    version: int
    again: str
    """What to do when a file of this kind is of no use."""

    def write(self, path: Path, arrays: Arrays, document: Mapping[str, Any], digest: str) -> None:
        """Write the file whole; equal contents give equal bytes."""
        text = json.dumps(document, sort_keys=True)
        metadata = {
            "kind": self.name,
            "format_version": str(self.version),
            "digest": digest,
            "document": text,
            # The digest covers what decides a bit; this one covers scales, preprocessing and provenance as well.
            "document_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        write_safetensors(path, arrays, metadata)

    def read(
        self, path: Path, build: Callable[[Mapping[str, Any], Arrays], Held], digest_of: Callable[[Held], str]
    ) -> Held:
        """Read a file, build what it holds, and compare its digest with the recorded one.

        Raises BadInput for a missing, foreign, truncated, damaged or edited file, and whatever
        BittrueError `build` raises with the path in front.
        """
        arrays, metadata = read_safetensors(path, self.name)
        if metadata.get("kind") != self.name:
            got = metadata.get("kind", "a file of another tool")
            raise BadInput(f"this is not a {self.name}", where=str(path), got=got, next_step=self.again)
        if metadata.get("format_version") != str(self.version):
            raise BadInput(
                f"this {self.name} has another format version",
                where=str(path),
                got=metadata.get("format_version"),
                expected=self.version,
                next_step=self.again,
            )
        try:
            held = build(json.loads(metadata["document"]), arrays)
        except BittrueError as error:
            raise error.at(str(path)) from None
        except DAMAGE as error:
            what = f"{type(error).__name__}: {error}"
            raise BadInput(f"this {self.name} is damaged", where=str(path), got=what, next_step=self.again) from error
        whole = hashlib.sha256(metadata["document"].encode()).hexdigest()
        if digest_of(held) != metadata.get("digest") or whole != metadata.get("document_sha256"):
            raise BadInput(
                f"this {self.name} was edited after it was written",
                where=str(path),
                got=f"digest {digest_of(held)[:16]}",
                expected=f"digest {str(metadata.get('digest'))[:16]}",
                next_step=self.again,
            )
        return held


def as_integers(arrays: Arrays) -> dict[str, NDArray[np.integer]]:
    """The arrays, refused where one is not of integers."""
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"{name} holds {array.dtype}, not integers")
    return dict(arrays)
