"""Makes the plans, programs and images that are not in the cache yet; a process of its own, since it imports torch.

    python -m benchmarks.prepare '[{"model": ..., "side": ..., "variant": ...}, ...]'

Its last line of output is a JSON object: program file -> why it could not be made.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.networks import IMAGES, Network, images_of, weights_of
from benchmarks.variants import variants
from benchmarks.workspace import ROOT, cache_folder
from bittrue.calibration.plan import QuantPlan, load_plan
from bittrue.spec.errors import BittrueError
from bittrue.spec.files import written_whole

CALIBRATION_IMAGES = 8


def prepare(networks: Sequence[Network]) -> dict[Path, str]:
    """Let a process make what is missing; returns the programs that could not be made, with the reason."""
    wanted = [network for network in networks if not (network.program.is_file() and network.images.is_file())]
    if not wanted:
        return {}
    argument = json.dumps([dataclasses.asdict(network) for network in wanted])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.prepare", argument], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit("the networks could not be prepared; the lines above say why")
    refused = json.loads(done.stdout.strip().splitlines()[-1])
    return {Path(file): str(reason) for file, reason in refused.items()}


def main() -> None:
    """Make everything and print what could not be made."""
    networks = [Network(**entry) for entry in json.loads(sys.argv[1])]
    for folder in cache_folder().parent.glob("*"):
        if folder != cache_folder():
            shutil.rmtree(folder)
    refused: dict[str, str] = {}
    for network in networks:
        try:
            plan = _plan(network)
            _images(plan, network)
            _program(plan, network)
        except BittrueError as error:
            refused[str(network.program)] = " ".join(str(error).split())
    print(json.dumps(refused))


def _plan(network: Network) -> QuantPlan:
    """The plan from the cache, or a new one from photographs that come with scikit-image."""
    if network.plan.is_file():
        return load_plan(network.plan)
    from bittrue.calibration.options import CalibrationOptions
    from bittrue.workflow.calibrate import calibrate

    print(f"calibrating {network.model} at {network.side}x{network.side}", file=sys.stderr)
    _random_weights(network.model)
    return calibrate(
        network.model,
        weights=str(weights_of(network.model)),
        images=_photographs() / "calibration",
        side=network.side,
        limit=CALIBRATION_IMAGES,
        out=network.plan,
        options=CalibrationOptions(**variants()[network.variant].calibrated),
    )


def _random_weights(model: str) -> None:
    """Write timm's initialization with seed 0 where no trained weights lie here."""
    path = weights_of(model)
    if path.is_file():
        return
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    module = timm.create_model(model)
    with written_whole(path) as part:
        save_file(module.state_dict(), part)


def _photographs() -> Path:
    """Folder with calibration/ and evaluation/, 32 crops each."""
    folder = cache_folder() / "photographs"
    if not folder.is_dir():
        from bittrue.workflow.photographs import write_photographs

        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as part:
            write_photographs(Path(part) / "photographs")
            (Path(part) / "photographs").rename(folder)
    return folder


def _images(plan: QuantPlan, network: Network) -> None:
    """The evaluation photographs through the preprocessing of the plan, over and over up to IMAGES."""
    if network.images.is_file() and network.first_image.is_file():
        return
    from bittrue.calibration.images import find_images, load_images

    paths = find_images(_photographs() / "evaluation").paths
    pixels = load_images(paths, plan.preprocessing)
    every = np.resize(pixels, (IMAGES, *pixels.shape[1:]))
    for path, array in ((network.first_image, every[:1]), (images_of(network.side), every)):
        with written_whole(path) as part, part.open("wb") as file:
            np.save(file, array, allow_pickle=False)


def _program(plan: QuantPlan, network: Network) -> None:
    """Lower the plan for the variant."""
    if network.program.is_file():
        return
    from bittrue.calibration.lowering.lower import lower_plan
    from bittrue.spec.program_file import save_program
    from bittrue.workflow.lower import provenance_of

    variant = variants()[network.variant]
    if variant.logits_scale is not None:
        plan = _with_logits_of(plan, variant.logits_scale)
    save_program(lower_plan(plan, variant.datapath, provenance_of(plan)), network.program)


def _with_logits_of(plan: QuantPlan, scale: float) -> QuantPlan:
    """The plan with one scale for the logits of every softmax."""
    graph = plan.graph
    logits = {graph.source(node.inputs[0]) for node in graph.nodes if node.kind == "softmax"}
    changed = {name: dataclasses.replace(plan.tensors[name], scale=(scale,), zero_point=(0,)) for name in logits}
    return dataclasses.replace(plan, tensors={**plan.tensors, **changed})


if __name__ == "__main__":
    main()
