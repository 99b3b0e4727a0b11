"""The walk over an exported program that fills a GraphDraft; what each op becomes stands in aten.py.

What stands in no table is refused by name, with its module path and the list of what is supported.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from bittrue.calibration.frontend.constant_arrays import ConstantArrays, as_array, reads_constants
from bittrue.calibration.frontend.draft import GraphDraft, unique
from bittrue.calibration.graph import Attribute, Node
from bittrue.spec.errors import Unsupported

FUNCTIONS = {
    "silu": "silu", "silu_": "silu", "relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "sigmoid_": "sigmoid",
    "hardswish": "hardswish", "hardswish_": "hardswish", "hardsigmoid": "hardsigmoid", "hardsigmoid_": "hardsigmoid",
    "relu6": "relu6", "relu6_": "relu6",
}  # fmt: skip
"""ATen elementwise ops and the function that their table holds."""

ALIASES = ("dropout", "dropout_", "contiguous", "clone", "expand_as", "expand", "alias", "detach", "lift_fresh_copy")
"""Ops whose output is their input: dropout in eval mode, copies, and broadcasts that `mul` does itself."""

REFUSED = {
    "upsample_bilinear2d": "timm's MobileViT resizes inside its blocks where the image side is no multiple of 64: "
    "choose 64, 128, 192, 256, ...",
}
"""ATen ops that no table has and whose reason is known, and what to do about it."""

UNSUPPORTED_OPTIONS = ("dtype", "rounding_mode", "enable_gqa")
"""Options that change what an op computes and that no translation reads."""

Translation = Callable[["Translator", FxNode, list[Any]], Any]
"""What one ATen op becomes: (translator, fx node, arguments in schema order) -> tensor name or names."""


class Translator:
    """Walks an exported program once and fills the draft."""

    def __init__(
        self, draft: GraphDraft, exported: ExportedProgram, input_name: str, translations: Mapping[str, Translation]
    ) -> None:
        self.draft = draft
        self.translations = translations
        self.graph = exported.graph_module.graph
        self.values: dict[str, Any] = {}
        """fx node name -> tensor name, or parameter array, or list of tensor names."""
        self.constants = ConstantArrays()
        signature = exported.graph_signature
        state = {**dict(exported.named_parameters()), **dict(exported.named_buffers()), **exported.constants}
        held = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self.values[node.name] = (
                    self.constants.hold(as_array(state[held[node.name]]), held[node.name])
                    if node.name in held
                    else input_name
                )
        self.users_in_module: dict[str, int] = {}
        for node in self.graph.nodes:
            if node.op == "call_function":
                path = module_path(node)
                self.users_in_module[path] = self.users_in_module.get(path, 0) + 1

    def run(self) -> str:
        """Translate every node and return the name of the output tensor."""
        for node in self.graph.nodes:
            if node.op == "call_function":
                self.values[node.name] = self.translate(node)
            elif node.op == "output":
                (result,) = node.args[0]
                return str(self.values[result.name])
        raise Unsupported("the exported module returns nothing")

    def translate(self, node: FxNode) -> Any:
        """The value of one fx node; new nodes are added to the draft."""
        if node.target is operator.getitem:
            whole, index = node.args
            return self.value(whole)[index]
        op = op_name(node)
        constant = reads_constants(node, self.values)
        if not constant and op not in {*ALIASES, *FUNCTIONS, *self.translations}:
            self.refuse(node, "an op that bittrue does not lower", next_step=REFUSED.get(op))
        arguments = self.arguments(node)
        if op.endswith("_") and any(_is_shared(source) for source in node.all_input_nodes):
            # Whoever reads the storage later would read the changed value, which a graph of values cannot say.
            self.refuse(node, "an in-place op whose input is read again")
        if constant:
            return self.constants.evaluate(node, self.values)
        changed = [name for name in UNSUPPORTED_OPTIONS if node.kwargs.get(name)]
        if changed:
            self.refuse(node, f"an op with the option {', '.join(changed)}")
        if op in ALIASES:
            if op.startswith("dropout") and arguments[2]:
                self.refuse(node, "dropout in training mode")
            return arguments[0]
        if op in FUNCTIONS:
            return self.emit(node, "function", [node.args[0]], {"function": FUNCTIONS[op]})
        return self.translations[op](self, node, arguments)

    def arguments(self, node: FxNode) -> list[Any]:
        """All arguments in schema order with defaults filled in, fx nodes replaced by their values."""
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | dict(node.kwargs)
        return [self.value(given.get(a.name, a.default_value if a.has_default_value() else None)) for a in schema]

    def value(self, argument: Any) -> Any:
        """The tensor name, parameter or plain value behind an argument."""
        if isinstance(argument, FxNode):
            return self.values[argument.name]
        if isinstance(argument, (list, tuple)):
            return [self.value(item) for item in argument]
        return argument

    def refuse(self, node: FxNode, why: str, *, next_step: str | None = None) -> NoReturn:
        """Raise Unsupported for a node, with the list of what is supported."""
        known = sorted({*self.translations, *FUNCTIONS, *ALIASES})
        raise Unsupported(
            f"{node.target}: {why}",
            where=f"module {module_path(node) or '(root)'}",
            got=f"arguments {node.args} {node.kwargs}"[:300],
            expected="one of: " + ", ".join(known),
            next_step=next_step or "replace the op in the model, or add it (docs/adding_an_op.md)",
        )

    def emit(
        self,
        node: FxNode,
        kind: str,
        inputs: Sequence[Any],
        attributes: dict[str, Attribute] | None = None,
        *,
        suffix: str = "",
        shape: tuple[int, ...] | None = None,
        **parameters: np.ndarray,
    ) -> str:
        """Add a draft node, and a constant node for each input that is an array.

        Its name is the module's path where the module does nothing else.
        """
        path = module_path(node)
        values = [self.value(item) for item in inputs]
        names = tuple(
            self.constants.emit(self.draft, item, path) if isinstance(item, np.ndarray) else item for item in values
        )
        if not all(isinstance(found, str) for found in names):
            self.refuse(node, "an operand that is a number, not a tensor")
        alone = self.users_in_module.get(path) == 1 and not suffix
        own = suffix or op_name(node).rstrip("_")
        base = path if alone and path else ".".join(part for part in (path, own) if part)
        name = unique(base, {self.draft.input} | {known.name for known in self.draft.nodes})
        result = tuple(shape if shape is not None else node.meta["val"].shape)
        return self.draft.add(Node(name, kind, names, result, path, attributes or {}), **parameters)


VIEWS = ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "expand", "getitem")
"""Ops whose output may share its input's storage (besides the ALIASES)."""


def _is_shared(source: FxNode) -> bool:
    """Whether anything else may read the storage of an fx node's value."""
    return len(source.users) > 1 or op_name(source) in (*VIEWS, *ALIASES) or source.target is operator.getitem


def op_name(node: FxNode) -> str:
    """ATen's name of an op without namespace and overload."""
    return str(node.target).removeprefix("aten.").split(".")[0]


def module_path(node: FxNode) -> str:
    """Dotted path of the module that ran the node, as torch names it; "" for the root."""
    stack = node.meta.get("nn_module_stack") or {}
    return list(stack.values())[-1][0].removeprefix("L['self'].") if stack else ""
