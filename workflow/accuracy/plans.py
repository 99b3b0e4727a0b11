"""The plan of a case: from disk where an earlier run has kept it, else calibrated now, with what that cost."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.calibrate import calibrate_graph, observed
from bittrue.calibration.images import ImageSet, load_images
from bittrue.calibration.layer_bits import LayerBits
from bittrue.calibration.observe import Observation
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.workflow.accuracy.memory import PeakMemory
from bittrue.workflow.accuracy.sources import FloatModel, list_digest
from bittrue.workflow.accuracy.store import Store, digest
from bittrue.workflow.progress import Progress


@dataclass
class Plans:
    """Plans of one model, by options and number of calibration images."""

    model: FloatModel
    images: ImageSet
    """What calibration images are drawn from."""
    store: Store
    _chosen: dict[tuple[int, int], tuple[ImageSet, str]] = field(default_factory=dict)
    _last: tuple[str, QuantPlan] | None = None
    _observed: tuple[tuple[int, int], NDArray[np.uint8], Mapping[str, Observation], float] | None = None
    """Images and what the float model gives on them: the same for all methods and widths."""

    def key(self, options: CalibrationOptions, count: int, layers: tuple[LayerBits, ...] = ()) -> str:
        """Everything that decides a plan."""
        return digest(
            {
                # Absent where there are none: plans that are kept under their digests keep them.
                **({"layers": [dataclasses.asdict(each) for each in layers]} if layers else {}),
                "model": self.model.timm_name,
                "weights": self.model.weights_digest,
                "preprocessing": dataclasses.asdict(self.model.preprocessing),
                "options": dataclasses.asdict(options),
                "calibration": self._drawn(count, options.seed)[1],
            }
        )

    def plan(
        self, options: CalibrationOptions, count: int, progress: Progress, layers: tuple[LayerBits, ...] = ()
    ) -> QuantPlan:
        """The last plan, or one from disk, or one calibrated now and kept. layers: widths of single layers."""
        key = self.key(options, count, layers)
        if self._last is None or self._last[0] != key:
            self._last = (key, self.store.plan(key) or self._calibrated(key, options, count, layers, progress))
        return self._last[1]

    def _drawn(self, count: int, seed: int) -> tuple[ImageSet, str]:
        """Calibration images and the digest of their list."""
        if (count, seed) not in self._chosen:
            chosen = self.images.choose(count, seed)
            self._chosen[count, seed] = (chosen, list_digest(chosen.root, chosen.paths))
        return self._chosen[count, seed]

    def _seen(
        self, count: int, seed: int, progress: Progress
    ) -> tuple[NDArray[np.uint8], Mapping[str, Observation], float]:
        """Calibration images, what was observed on them, and the seconds that observing took before."""
        if self._observed is None or self._observed[0] != (count, seed):
            self._observed = None  # two of them need not fit the memory
            pixels = load_images(self._drawn(count, seed)[0].paths, self.model.preprocessing)
            start = time.perf_counter()
            observations = observed(self.model.graph, pixels, seed=seed, progress=progress)
            self._observed = ((count, seed), pixels, observations, time.perf_counter() - start)
        return self._observed[1:]

    def _calibrated(
        self, key: str, options: CalibrationOptions, count: int, layers: tuple[LayerBits, ...], progress: Progress
    ) -> QuantPlan:
        memory = PeakMemory()
        pixels, observations, observing_s = self._seen(count, options.seed, progress)
        start = time.perf_counter() - observing_s
        plan = calibrate_graph(
            self.model.graph,
            pixels,
            self.model.preprocessing,
            options,
            {},
            layers=layers,
            observations=observations,
            progress=progress,
        )
        cost = {"calibration_s": f"{time.perf_counter() - start:.3f}", "peak_memory_bytes": json.dumps(memory.bytes())}
        provenance = {
            "model": self.model.timm_name,
            "weights_sha256": self.model.weights_digest,
            "calibration": json.dumps(dataclasses.asdict(options), sort_keys=True),
            **({"layers": json.dumps([dataclasses.asdict(each) for each in layers])} if layers else {}),
            **cost,
            **{name: importlib.metadata.version(name) for name in ("bittrue", "torch", "timm")},
        }
        plan = dataclasses.replace(plan, provenance=provenance)
        self.store.keep_plan(key, plan)
        return plan


def cost_of(plan: QuantPlan) -> tuple[float, int | None]:
    """Seconds that calibration took, and its peak of memory in bytes where it is known."""
    peak = json.loads(plan.provenance["peak_memory_bytes"])
    return float(plan.provenance["calibration_s"]), None if peak is None else int(peak)
