"""What an accuracy run keeps under its folder, so that it goes on where it ended.

    plans/KEY.safetensors     calibrated plans; a longer evaluation uses them again
    per_image/KEY.npz         one quantized network on the first images, image by image; grows with the evaluation
    cases/KEY.json            the figures of finished cases
    images/KEY/NNNNN.npy      decoded images, 64 each; float_logits/KEY/NNNNN.npy the float model's logits of them

KEY is a digest of everything that decides the content: weights, options, images, datapath. The code is not in it: after
a change of a method, remove the folder. Files are written whole or not at all; two runs may share a folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import TypeAdapter, ValidationError

from bittrue.calibration.plan import QuantPlan, load_plan, save_plan
from bittrue.reports.accuracy_data import Figures
from bittrue.spec.files import plain_json, write_text, written_whole
from bittrue.workflow.accuracy.measure import NONE, PerImage

KIND, FORMAT = "accuracy case", 1


def digest(document: Mapping[str, object]) -> str:
    """SHA-256 of plain values, shortened to 128 bits."""
    return hashlib.sha256(json.dumps(plain_json(dict(document)), sort_keys=True).encode()).hexdigest()[:32]


class Store:
    """The folder of one or more runs."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def folder(self, kind: str, key: str) -> Path:
        """Of chunks: "images" or "float_logits"."""
        return self.out / kind / key

    def plan(self, key: str) -> QuantPlan | None:
        """A calibrated plan; None where there is none. Raises BadInput for one that was damaged."""
        path = self._path("plans", key, "safetensors")
        return load_plan(path) if path.is_file() else None

    def keep_plan(self, key: str, plan: QuantPlan) -> None:
        """Write a plan."""
        save_plan(plan, self._path("plans", key, "safetensors"))

    def per_image(self, key: str) -> PerImage:
        """The images measured so far; none where the file is missing or unreadable."""
        try:
            with self._path("per_image", key, "npz").open("rb") as file, np.load(file, allow_pickle=False) as found:
                return PerImage(**{each.name: found[each.name] for each in dataclasses.fields(PerImage)})
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):
            return NONE

    def keep_per_image(self, key: str, images: PerImage) -> None:
        """Write the images measured so far."""
        arrays = {each.name: getattr(images, each.name) for each in dataclasses.fields(PerImage)}
        with written_whole(self._path("per_image", key, "npz")) as part, part.open("wb") as file:
            np.savez(file, **arrays)

    def figures(self, key: str) -> Figures | None:
        """The figures of a finished case; None where there are none that can be read."""
        try:
            document = json.loads(self._path("cases", key, "json").read_text(encoding="utf-8"))
            if (document["bittrue"], document["format_version"]) != (KIND, FORMAT):
                return None
            return TypeAdapter(Figures).validate_python(document["figures"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None

    def keep_figures(self, key: str, figures: Figures, case: Mapping[str, object]) -> None:
        """Write a finished case; `case` says for people what KEY stands for."""
        document = {
            "bittrue": KIND,
            "format_version": FORMAT,
            "case": dict(case),
            "figures": dataclasses.asdict(figures),
        }
        text = json.dumps(plain_json(document), indent=1, sort_keys=True, allow_nan=False)
        write_text(self._path("cases", key, "json"), text + "\n")

    def _path(self, kind: str, key: str, suffix: str) -> Path:
        return self.out / kind / f"{key}.{suffix}"
