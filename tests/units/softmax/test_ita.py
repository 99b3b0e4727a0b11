"""ITA softmax: one attention layer of the real RTL, groups by hand, the limits of its sum."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from shared_data import SHARED, need
from softmax_units import agree, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width


def test_attention_of_the_rtl() -> None:
    """softmax(A) V, requantized, equals ITA's 4,096 outputs for its own 64 x 64 logits (Verilator, ITA@ba96519)."""
    layer = np.load(need(SHARED / "vectors" / "ita_layer_S64_E64_P64_F64_gelu.npz"), allow_pickle=False)
    logits, values = layer["rtl_A_logits"].astype(np.int64), layer["rtl_Vp_T"].astype(np.int64).T
    multiplier, shift = int(layer["attn_mult"][4]), int(layer["attn_shift"][4])
    product = (agree(unit_of_kind("ita"), logits, {})["output"] @ values) * multiplier
    rounded = (product + (1 << (shift - 1))) >> shift
    assert (np.clip(rounded, -128, 127) == layer["rtl_O_soft"]).all()


def test_groups_by_hand() -> None:
    """Groups of 2: 0, 0 -> 512; then 3, 2: 512 >> 3 = 64, + 256 + 128 = 448; then 3: 704. 65280 // 704 = 92."""
    found = agree(unit_of_kind("ita", group_width=2), np.array([[0, 0, 3, 2, 3]]), {})
    assert (found["maximum"].tolist(), found["sum"].tolist(), found["reciprocal"].tolist()) == ([[3]], [[704]], [[92]])
    assert found["output"].tolist() == [[11, 11, 92, 46, 92]]


def test_the_order_of_the_groups_matters() -> None:
    """0, 0, 0, 2, 9 one by one: 768 >> 2 = 192, + 256 = 448, >> 7 = 3, + 256; downward 256 + 2 + 0 + 0 + 0."""
    unit = unit_of_kind("ita", group_width=1)
    rising = agree(unit, np.array([[0, 0, 0, 2, 9]]), {})
    falling = agree(unit, np.array([[9, 2, 0, 0, 0]]), {})
    assert rising["sum"].tolist() == [[259]] and falling["sum"].tolist() == [[258]]


def test_a_row_of_256_equal_logits_is_all_zero() -> None:
    """65280 // (255 * 256) = 1, 65280 // (256 * 256) = 0."""
    unit = unit_of_kind("ita")
    assert set(agree(unit, np.full((1, 255), 5), {})["output"].ravel().tolist()) == {1}
    assert set(agree(unit, np.full((1, 256), 5), {})["output"].ravel().tolist()) == {0}


def test_the_sum_holds_2047() -> None:
    """256 * 2048 is 2**19."""
    unit = unit_of_kind("ita", row_max=4096)
    unit.check("here", Width(8, True), 2047, {})
    with pytest.raises(IllFormed, match="sum of exponentials may not fit"):
        unit.check("here", Width(8, True), 2048, {})
    with pytest.raises(ValidationError, match="must not exceed exponential_bits"):
        unit_of_kind("ita", output_bits=9)


def test_later_commits_round_32_codes_to_an_octave() -> None:
    """octave_shift = 5: 15 codes below is the same octave, 16 to 47 one below, 48 two."""
    found = agree(unit_of_kind("ita", octave_shift=5), np.array([[100, 85, 84, 53, 52]]), {})
    assert found["sum"].tolist() == [[256 + 256 + 128 + 128 + 64]]
    assert found["output"].tolist() == [[78, 78, 39, 39, 19]]
