"""The JSON schema of manifest.json, for readers in other languages.

Written by `python -m bittrue.golden.vectors.schema > golden/vectors/manifest.schema.json`.
"""

from __future__ import annotations

import json
import sys

from bittrue.golden.vectors.manifest import Manifest


def schema_text() -> str:
    """JSON Schema draft 2020-12 of the Manifest model, keys sorted."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}
    return json.dumps(schema, sort_keys=True, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
