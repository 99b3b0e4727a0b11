"""Profiles of hardware against outputs of that hardware's RTL (shared/vectors, simulated with Verilator)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator
from peers.comparison import Comparison
from peers.layers import Array
from peers.ours import By, Profile, profile
from shared_data import SHARED, need

ITA = "RTL of pulp-platform/ITA at ba96519"
CFU = "RTL of CFU-Playground mnv2_first at 7f8ec414"
REQUANTIZERS = {"Q": 0, "K": 1, "V": 2, "A": 3, "O": 4, "Out": 5}
"""Index of attn_mult and attn_shift."""


def held(name: str) -> dict[str, Array]:
    """The integer arrays of a file, as int64."""
    with np.load(need(SHARED / "vectors" / f"{name}.npz"), allow_pickle=False) as file:
        return {key: file[key].astype(np.int64) for key in file.files if file[key].dtype.kind in "iu"}


def cfu_requantizer(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """20,000 accumulators with biases; the RTL counts shifts from 31, positive to the left."""
    rtl = held("cfu_mnv2_postprocess")
    arrays = {
        "accumulator": rtl["acc"],
        "bias": rtl["bias"],
        "multiplier": rtl["multiplier"],
        "shift": 31 - rtl["shift"],
        "zero_point": rtl["offset"],
        "low": rtl["act_min"],
        "high": rtl["act_max"],
    }
    return ours.run("requantize", arrays, "conv2d"), rtl["out"]


def ita_requantizer(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """7,365 vectors of 16 lanes, edges and unsigned accumulators among them."""
    rtl = held("ita_requantizer")
    names = {"multiplier": "eps_mult", "shift": "right_shift", "zero_point": "add", "unsigned": "unsigned_mode"}
    arrays = {name: rtl[key][:, None] for name, key in names.items()}
    return ours.run("requantize", {"accumulator": rtl["acc"], **arrays}), rtl["out"]


def ita_gelu(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """6,816 codes with constants, 26 bits out: in front of the requantizer, which follows alone in the layer."""
    rtl = held("ita_gelu")
    return ours.run("gelu", {"codes": rtl["x"], "b": rtl["b"], "c": rtl["c"]}), rtl["out"]


def ita_softmax(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """softmax of the RTL's 64 x 64 logits, times its values, requantized: what the RTL shows of its softmax."""
    rtl = held("ita_layer_S64_E64_P64_F64_gelu")
    shares = ours.run("softmax", {"logits": rtl["rtl_A_logits"]})
    return ours.matrix(shares, rtl["rtl_Vp_T"].T, *_scale(rtl, "O"), op="matmul"), rtl["rtl_O_soft"]


def ita_products(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """Q, K, V, logits, output and both layers of the feed-forward block, each from the RTL's own inputs."""
    rtl = held("ita_layer_S64_E64_P64_F64_gelu")
    queries = ours.matrix(rtl["q"], rtl["Wq"][0], *_scale(rtl, "Q"), op="linear", bias=rtl["Bq"][0])
    keys = ours.matrix(rtl["k"], rtl["Wk"][0], *_scale(rtl, "K"), op="linear", bias=rtl["Bk"][0])
    values = ours.matrix(rtl["k"], rtl["Wv"][0], *_scale(rtl, "V"), op="linear", bias=rtl["Bv"][0])
    logits = ours.matrix(rtl["rtl_Qp"], rtl["rtl_Kp"].T, *_scale(rtl, "A"), op="matmul")
    out = ours.matrix(rtl["rtl_O_soft"], rtl["Wo"][0], *_scale(rtl, "Out"), op="linear", bias=rtl["Bo"][0])
    second = int(rtl["ffn_mult"][1]), int(rtl["ffn_shift"][1])
    last = ours.matrix(rtl["rtl_FF1_act"], rtl["Wff2"], *second, op="linear", bias=rtl["Bff2"])
    found = np.stack([queries, keys, values.T, logits, out, last])
    return found, np.stack([rtl[f"rtl_{name}"] for name in ("Qp", "Kp", "Vp_T", "A_logits", "Out", "FF2")])


def ita_hidden(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """The hidden activation: linear, requantizer, gelu, requantizer."""
    rtl = held("ita_layer_S64_E64_P64_F64_gelu")
    first = int(rtl["ffn_mult"][0]), int(rtl["ffn_shift"][0])
    hidden = ours.matrix(rtl["FF"], rtl["Wff"], *first, op="linear", bias=rtl["Bff"])
    wide = ours.run("gelu", {"codes": hidden, "b": rtl["gelu_b"], "c": rtl["gelu_c"]})
    scale = {"multiplier": rtl["act_mult"], "shift": rtl["act_shift"]}
    return ours.run("requantize", {"accumulator": wide, **scale}), rtl["rtl_FF1_act"]


def _scale(rtl: dict[str, Array], name: str) -> tuple[int, int]:
    index = REQUANTIZERS[name]
    return int(rtl["attn_mult"][index]), int(rtl["attn_shift"][index])


def comparisons(by: By = "simulator") -> list[Comparison]:
    """What there are RTL outputs of; each file once."""
    ita, cfu = profile("ita", by=by), profile("cfu_mnv2", by=by)
    lines = {
        "requantize": ita_requantizer,
        "gelu": ita_gelu,
        "softmax, matmul, requantize": ita_softmax,
        "linear and matmul, requantize": ita_products,
        "linear, requantize, gelu, requantize": ita_hidden,
    }
    found = [Comparison("ita", op, ITA, partial(trial, ita), 1) for op, trial in lines.items()]
    return [*found, Comparison("cfu_mnv2", "requantize", CFU, partial(cfu_requantizer, cfu), 1)]
