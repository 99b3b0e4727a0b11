"""Runs single operators of the TOSA reference model; a program for the interpreter of .venv-tosa, which has no bittrue.

Reads lines "IN OUT" from standard input: IN an .npz with the job, OUT the .npz to write, then answers "done".
A job holds `job`, a JSON text {"op", "attributes", "inputs": [[array name, type, constant?], ...], "output_type"}, the
input arrays, and `output_shape`.
"""

import json
import os
import sys
import tempfile

import numpy as np
import tosa_reference_model
import tosa_serializer as tosa


def attribute(op, values):
    """The operator's attributes."""
    made = tosa.TosaSerializerAttribute()
    if op == "RESCALE":
        rounding = tosa.RoundingMode.DOUBLE_ROUND if values["double"] else tosa.RoundingMode.SINGLE_ROUND
        made.RescaleAttribute(values["scale32"], rounding, values["per_channel"], False, False)
    elif op == "AVG_POOL2D":
        made.AvgPool2dAttribute(values["kernel"], values["stride"], values["pad"], tosa.DType.INT32)
    elif op in ("CONV2D", "DEPTHWISE_CONV2D"):
        name = "Conv2dAttribute" if op == "CONV2D" else "DepthwiseConv2dAttribute"
        getattr(made, name)(values["pad"], values["stride"], [1, 1], False, tosa.DType.INT32)
    else:
        getattr(made, {"TABLE": "TableAttribute", "ADD": "AddAttribute", "MUL": "MulAttribute"}[op])()
    return made


def run(archive):
    """The operator's output."""
    job = json.loads(str(archive["job"]))
    graph = tosa.TosaSerializer(
        tempfile.gettempdir(),
        constMode=tosa.ConstMode.EMBED,
        targetMajor=1,
        targetMinor=0,
        targetPatch=0,
        targetDraft=False,
    )
    names, feeds = [], []
    for name, kind, constant in job["inputs"]:
        array, dtype = archive[name], getattr(tosa.DType, kind)
        if constant:
            names.append(graph.addConst(list(array.shape), dtype, array.reshape(-1).tolist()).name)
        else:
            names.append(graph.addPlaceholder(list(array.shape), dtype, array).name)
            feeds.append(array)
    output = graph.addOutput(archive["output_shape"].tolist(), getattr(tosa.DType, job["output_type"]))
    graph.addOperator(getattr(tosa.Op, job["op"]), names, [output.name], attribute(job["op"], job["attributes"]))
    outputs, status = tosa_reference_model.run(graph.serialize(), feeds)
    if status != tosa_reference_model.GraphStatus.TOSA_VALID:
        raise RuntimeError(f"{job['op']}: {status}")
    return outputs[0]


# The model writes to standard output: the answers get a copy of it, and what it says goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    source, target = line.split()
    with np.load(source, allow_pickle=False) as archive:
        np.savez(target, output=run(archive))
    print("done", file=answers, flush=True)
