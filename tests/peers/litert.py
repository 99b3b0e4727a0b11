"""Runs TFLite models with LiteRT's reference kernels, with its XNNPACK delegate, and with TFLite Micro.

LiteRT ends the whole process on some models: a softmax whose exponentials sum to 512 or more, an add whose output
scale is below 2**-19 of an input's. cases never draw these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from peers.layers import Array
from tflite_micro.python.tflite_micro import runtime

_ARENA_BYTES = 1 << 25


def reference(model: bytes, inputs: Sequence[Array]) -> Array:
    """OpResolverType.BUILTIN_REF: the reference kernels, no delegate."""
    return _invoked(_prepared(model, OpResolverType.BUILTIN_REF), inputs)


def xnnpack(model: bytes, inputs: Sequence[Array]) -> Array:
    """The XNNPACK delegate; refuses a model that the default resolver does not hand to it as a whole."""
    interpreter = _prepared(model, OpResolverType.AUTO)
    names = [detail["op_name"] for detail in interpreter._get_ops_details()]  # the only place that tells what runs
    if names[-1] != "DELEGATE":
        raise RuntimeError(f"LiteRT did not hand {names} to XNNPACK")
    return _invoked(interpreter, inputs)


def default(model: bytes, inputs: Sequence[Array]) -> Array:
    """The default resolver: XNNPACK where it takes the operator, the optimized kernels where not."""
    return _invoked(_prepared(model, OpResolverType.AUTO), inputs)


def micro(model: bytes, inputs: Sequence[Array]) -> Array:
    """TFLite Micro with its default int8 kernels."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=_ARENA_BYTES)
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    return np.array(interpreter.get_output(0))


def _invoked(interpreter: Interpreter, inputs: Sequence[Array]) -> Array:
    for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    output: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output.copy()


def _prepared(model: bytes, resolver: OpResolverType) -> Interpreter:
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
