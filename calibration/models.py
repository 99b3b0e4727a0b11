"""timm models with trained weights, and their preprocessing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data.config import resolve_data_config
from torch import nn

from bittrue.calibration.plan import Preprocessing
from bittrue.spec.errors import BadInput

PRETRAINED = "pretrained"
"""The word that asks for timm's own weights, downloaded by timm."""


@dataclass(frozen=True)
class LoadedModel:
    """A float model ready to export."""

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights_digest: str
    """SHA-256 of the weights file, or of the downloaded tensors."""


def load_model(name: str, weights: str, *, side: int | None = None) -> LoadedModel:
    """Create a timm model, load its weights strictly and resolve its preprocessing.

    weights: a .safetensors or .pth file, or "pretrained". The number of classes follows from the
    file. side: image side in pixels, the model's own where None.
    Raises BadInput for an unknown model, an unreadable file or weights of another model.
    """
    if not timm.is_model(name):
        near = timm.list_models(f"*{name.split('_')[0]}*")[:8]
        raise BadInput(
            "timm has no such model",
            got=name,
            expected="a timm model name",
            next_step=f"near: {', '.join(near) or '-'}",
        )
    if weights == PRETRAINED:
        module, digest = _pretrained(name)
    else:
        state, digest = _read_state(Path(weights))
        module = _load_strictly(name, state, Path(weights))
    config = resolve_data_config({}, model=module)
    preprocessing = Preprocessing(
        config["input_size"][-1] if side is None else side,
        config["interpolation"],
        config["crop_pct"],
        config["crop_mode"],
    )
    return LoadedModel(name, module.eval(), preprocessing, tuple(config["mean"]), tuple(config["std"]), digest)


def _pretrained(name: str) -> tuple[nn.Module, str]:
    try:
        module = timm.create_model(name, pretrained=True)
    except Exception as error:  # hub clients raise many kinds, all of which mean "no weights"
        raise BadInput(
            "timm could not download the weights",
            where=name,
            got=f"{type(error).__name__}: {error}"[:200],
            next_step="check the network, or give --weights FILE",
        ) from error
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        digest.update(key.encode() + value.numpy().tobytes())
    return module, digest.hexdigest()


def _read_state(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    if not path.is_file():
        raise BadInput(
            "no such weights file", where=str(path), next_step='give a .safetensors or .pth file, or "pretrained"'
        )
    try:
        if path.suffix == ".safetensors":
            found: object = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, ValueError, RuntimeError, EOFError, KeyError) as error:
        raise BadInput(
            "not a readable weights file",
            where=str(path),
            got=str(error).splitlines()[0][:200],
            expected="safetensors, or a .pth that holds only tensors",
        ) from error
    except Exception as error:
        # torch raises its unpickling error here; a file that needs pickle is refused, never loaded.
        raise BadInput(
            "the weights file holds more than tensors",
            where=str(path),
            got=type(error).__name__,
            expected="a state dict",
            next_step="save the state dict as safetensors",
        ) from error
    state = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(
            "the weights file is no state dict", where=str(path), got=type(state).__name__, expected="names -> tensors"
        )
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    return tensors, hashlib.sha256(path.read_bytes()).hexdigest()


def _load_strictly(name: str, state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    classifier = next(
        (state[key] for key in ("head.fc.weight", "classifier.weight", "fc.weight", "head.weight") if key in state),
        None,
    )
    module = timm.create_model(name, num_classes=1000 if classifier is None else classifier.shape[0])
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    got = {key: tuple(value.shape) for key, value in state.items()}
    if wanted != got:
        missing, unknown = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        other = [key for key in sorted(set(wanted) & set(got)) if wanted[key] != got[key]]
        raise BadInput(
            f"these are not the weights of {name}",
            where=str(path),
            got=f"{len(missing)} missing {missing[:2]}, {len(unknown)} unknown {unknown[:2]}, "
            f"{len(other)} of another shape {other[:2]}",
            expected=f"the {len(wanted)} tensors of {name}",
            next_step="name the model that the weights belong to",
        )
    bad = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if bad:
        raise BadInput("a weight is not finite", where=f"{path}: {bad[0]}")
    module.load_state_dict(state, strict=True)
    return module
