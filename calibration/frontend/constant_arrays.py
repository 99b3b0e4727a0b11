"""What an exported program computes alike for every image: parameters, buffers, and what is made of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.fx import Node as FxNode
from torch.fx.node import map_arg

from bittrue.calibration.frontend.draft import GraphDraft, unique
from bittrue.calibration.graph import Node


class ConstantArrays:
    """The constant arrays of one export, by identity, each with the name that its tensor shall bear."""

    def __init__(self) -> None:
        self._named: dict[int, tuple[np.ndarray, str]] = {}
        self._emitted: dict[int, str] = {}

    def hold(self, array: np.ndarray, name: str) -> np.ndarray:
        """Remember what an array is called; it lives on, so that its identity stays its own."""
        self._named[id(array)] = array, name
        return array

    def name(self, array: np.ndarray) -> str:
        """What an array is called; "" where it has no name."""
        return self._named[id(array)][1] if id(array) in self._named else ""

    def evaluate(self, node: FxNode, values: Mapping[str, Any]) -> Any:
        """An op on constants, as torch computes it; the result is called what the first of them is."""
        names = [self.name(item) for source in node.all_input_nodes for item in items(values[source.name])]
        name = names[0] if names else ""
        args, kwargs = map_arg((node.args, node.kwargs), lambda source: _tensors(values[source.name]))
        with torch.no_grad():
            found = node.target(*args, **kwargs)  # type: ignore[operator]
        if isinstance(found, (list, tuple)):
            return [self.hold(as_array(item), name) for item in found]
        return self.hold(as_array(found), name) if isinstance(found, torch.Tensor) else found

    def emit(self, draft: GraphDraft, array: np.ndarray, path: str) -> str:
        """The tensor of an array that an op reads as an operand: one constant node for one array."""
        if id(array) not in self._emitted:
            base = self.name(array) or ".".join(part for part in (path, "constant") if part)
            name = unique(base, {draft.input} | {known.name for known in draft.nodes})
            draft.add(Node(name, "constant", (), array.shape, path), values=array.astype(np.float64))
            self.hold(array, name)
            self._emitted[id(array)] = name
        return self._emitted[id(array)]


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """A copy; float64 where the tensor holds real numbers."""
    found = tensor.detach().cpu()
    return np.array((found.to(torch.float64) if found.is_floating_point() else found).numpy())


def items(value: Any) -> list[Any]:
    """One value, or those of a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def reads_constants(node: FxNode, values: Mapping[str, Any]) -> bool:
    """Whether an op of ATen computes the same for every image: it reads constants or nothing, and draws nothing."""
    drawn = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
    sources = [item for source in node.all_input_nodes for item in items(values[source.name])]
    return str(node.target).startswith("aten.") and not drawn and all(isinstance(item, np.ndarray) for item in sources)


def _tensors(value: Any) -> Any:
    return [torch.from_numpy(item) for item in value] if isinstance(value, list) else torch.from_numpy(value)
