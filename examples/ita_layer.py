"""ITA's attention head and feed-forward block as programs written by hand; docs/hand_written_programs.md explains.

Run from a checkout: python examples/ita_layer.py ARRAYS.npz, with the arrays that `layer_inputs` names. Shapes are
those of one head of pulp-platform/ITA @ ba96519: S tokens, E features, P of a head, F of the feed-forward block.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.builder import Builder
from bittrue.spec.ops import Activation, Linear, MatMul, Softmax
from bittrue.spec.program import Program

Arrays = Mapping[str, NDArray[np.integer]]
REQUANTIZERS = ("Q", "K", "V", "A", "O", "Out")
"""Order of attn_mult and attn_shift: one multiplier and one shift for each product of the head."""


def attention(arrays: Arrays) -> Program:
    """softmax(rq(q Wq + Bq) rq(k Wk + Bk)^T) rq(k Wv + Bv), then Wo; inputs "q" and "k", both int8 [S, E].

    arrays: Wq, Wk, Wv int8 [E, P], Wo int8 [P, E], Bq, Bk, Bv, Bo int [features], attn_mult and attn_shift [>= 6].
    """
    draft = Builder("ita_attention", load_datapath("ita"))
    scale = {
        name: {"multiplier": arrays["attn_mult"][i], "shift": arrays["attn_shift"][i]}
        for i, name in enumerate(REQUANTIZERS)
    }
    tokens, features = arrays["q"].shape
    q, k = (draft.input(name, (tokens, features)) for name in ("q", "k"))
    queries = draft.step("Q", *_linear(arrays, "q", q), constants=_weights(arrays, "q") | scale["Q"])
    keys = draft.step("K", *_linear(arrays, "k", k), constants=_weights(arrays, "k") | scale["K"])
    values = draft.step("V", *_linear(arrays, "v", k), constants=_weights(arrays, "v") | scale["V"])
    logits = draft.step("A", MatMul(transpose_b=True), [queries, keys], constants=scale["A"])
    # ITA's softmax has unsigned codes whose rows sum to at most 255.
    shares = draft.step("softmax", Softmax(), [logits], signed=False, row_sum_max=255)
    heads = draft.step("O", MatMul(), [shares, values], constants=scale["O"])
    out = draft.step("Out", *_linear(arrays, "o", heads), constants=_weights(arrays, "o") | scale["Out"])
    return draft.build(out)


def feed_forward(arrays: Arrays) -> Program:
    """rq(gelu(rq(FF Wff + Bff)) Wff2 + Bff2); input "FF" int8 [S, E].

    arrays: Wff int8 [E, F], Wff2 int8 [F, E], Bff, Bff2, ffn_mult and ffn_shift [2], act_mult, act_shift, gelu_b,
    gelu_c.
    """
    draft = Builder("ita_feed_forward", load_datapath("ita"))
    first, second = ({"multiplier": arrays["ffn_mult"][i], "shift": arrays["ffn_shift"][i]} for i in (0, 1))
    x = draft.input("FF", arrays["FF"].shape)
    hidden = draft.step("FF1", *_linear(arrays, "ff", x), constants=_weights(arrays, "ff") | first)
    act = draft.step(
        "FF1_act",
        Activation("gelu"),
        [hidden],
        constants={
            "b": arrays["gelu_b"],
            "c": arrays["gelu_c"],
            "multiplier": arrays["act_mult"],
            "shift": arrays["act_shift"],
        },
    )
    out = draft.step("FF2", *_linear(arrays, "ff2", act), constants=_weights(arrays, "ff2") | second)
    return draft.build(out)


def _linear(arrays: Arrays, name: str, source: str) -> tuple[Linear, list[str]]:
    return Linear(arrays[f"W{name}"].shape[-1]), [source]


def _weights(arrays: Arrays, name: str) -> dict[str, NDArray[np.integer]]:
    """A program's weights are [outputs, inputs]; ITA's matrices stand the other way."""
    weight, bias = arrays[f"W{name}"], arrays[f"B{name}"]
    return {"weight": np.ascontiguousarray(weight.reshape(weight.shape[-2:]).T), "bias": bias.reshape(-1)}


def main() -> None:
    """Run both programs on the arrays of a file and print what they made."""
    with np.load(Path(sys.argv[1]), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if np.issubdtype(file[name].dtype, np.integer)}
    for program, given in (
        (attention(arrays), {name: arrays[name] for name in ("q", "k")}),
        (feed_forward(arrays), {"FF": arrays["FF"]}),
    ):
        tensors = Simulator(program).run(given).tensors
        for step in program.steps:
            codes = tensors[step.name]
            print(f"{program.model:18} {step.name:10} {codes.dtype!s:6} {list(codes.shape)} {codes.reshape(-1)[:6]}")


if __name__ == "__main__":
    main()
