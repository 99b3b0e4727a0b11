"""The manifest's model, its JSON schema, and the digests over it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import bittrue.golden.vectors.manifest as manifest_module
from bittrue.golden.vectors.manifest import Manifest, manifest_digest, manifest_text, payload_digest
from bittrue.golden.vectors.schema import schema_text

SCHEMA = Path(manifest_module.__file__).parent / "manifest.schema.json"


@pytest.fixture
def document(package: Path) -> dict[str, object]:
    """A real manifest as JSON."""
    return json.loads((package / "manifest.json").read_bytes())


def test_committed_schema_is_the_models() -> None:
    """manifest.schema.json is what the command prints."""
    assert SCHEMA.read_text() == schema_text()
    command = [sys.executable, "-m", "bittrue.golden.vectors.schema"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == schema_text()


def test_a_real_manifest_validates(document: dict[str, object]) -> None:
    """A written manifest fits the schema, and the schema is not empty: an unknown key does not fit."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    validator.check_schema(validator.schema)
    validator.validate(document)
    assert not validator.is_valid({**document, "surprise": 1})
    assert not validator.is_valid({**document, "files": {"../x": {"sha256": "0" * 64, "bytes": 1}}})


def test_text_round_trip_and_digests(package: Path) -> None:
    """The file is the canonical text of the model, and both digests follow from it."""
    text = (package / "manifest.json").read_text()
    manifest = Manifest.model_validate_json(text)
    assert manifest_text(manifest) == text
    assert manifest.payload_digest == payload_digest(manifest.files)
    assert manifest.manifest_digest == manifest_digest(manifest)


def test_payload_digest_does_not_depend_on_order(package: Path) -> None:
    """The digest is over the table, not over the order in which files were written."""
    files = Manifest.model_validate_json((package / "manifest.json").read_bytes()).files
    assert payload_digest(dict(reversed(files.items()))) == payload_digest(files)


def test_manifest_digest_sees_every_key(document: dict[str, object]) -> None:
    """A change of any top-level key changes the manifest's digest."""
    original = Manifest.model_validate_json(json.dumps(document))
    changes: dict[str, object] = {
        "command": "other",
        "seed": 4,
        "images": [{**image, "source": "other"} for image in document["images"]],  # type: ignore[attr-defined]
        "producer": {**document["producer"], "numpy": "0"},  # type: ignore[dict-item]
        "program": {**document["program"], "model": "other"},  # type: ignore[dict-item]
        "datapath": {**document["datapath"], "name": "other"},  # type: ignore[dict-item]
        "steps": document["steps"][:1],  # type: ignore[index]
        "files": {**document["files"], "more": {"sha256": "0" * 64, "bytes": 1}},  # type: ignore[dict-item]
        "payload_digest": "1" * 64,
        "extras": {**document["extras"], "formats": ["hex"]},  # type: ignore[dict-item]
    }
    assert set(changes) == set(document) - {
        "schema_version", "manifest_digest", "units", "mutation"  # units, mutation: test_units.py
    }  # fmt: skip
    for key, value in changes.items():
        changed = Manifest.model_validate_json(json.dumps({**document, key: value}))
        assert manifest_digest(changed) != manifest_digest(original), key


def test_nothing_in_it_depends_on_the_clock_or_the_machine(package: Path) -> None:
    """No absolute path and no time stamp stand in a manifest."""
    text = (package / "manifest.json").read_text()
    assert str(package) not in text and "time" not in text and "date" not in text
