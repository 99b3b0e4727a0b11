"""Which activations stay on the chip."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bittrue.simulator.cost.residency import residency


def test_a_tensor_stays_while_its_neighbours_fit(calls: Any) -> None:
    """In x -> a (10 B) -> b (20 B) -> c (12 B) -> y, a+b and b+c are alive together.

    At 31 bytes b+c (32) is too much, and b, the larger, leaves.
    """
    x = calls.tensor("x", 1, 10)
    a = calls.permute("a", x)
    b = calls.linear("b", calls.tensor("a", 1, 10), 20)
    c = calls.linear("c", b.output, 12)
    y = calls.linear("y", c.output, 99)
    assert residency([a, b, c, y], 32).external == {"x", "y"}
    assert residency([a, b, c, y], 31).external == {"x", "y", "b"}
    assert residency([a, b, c, y], 11).external == {"x", "y", "b", "c"}


def test_a_residual_keeps_its_room(calls: Any) -> None:
    """Tensor a (10 B) waits for the addition while b (10 B) becomes c (10 B): three are alive at c."""
    a = calls.linear("a", calls.tensor("x", 1, 10), 10)
    b = calls.linear("b", a.output, 10)
    c = calls.linear("c", b.output, 10)
    total = calls.add("sum", a.output, c.output)
    y = calls.linear("y", total.output, 10)
    assert residency([a, b, c, total, y], 30).external == {"x", "y"}
    # At 29 bytes the last produced of the three leaves; then the sum comes as third beside a and c.
    assert residency([a, b, c, total, y], 29).external == {"x", "y", "c", "sum"}


def test_small_tensors_go_first(calls: Any) -> None:
    """A residual of 10 bytes stays although 1000 bytes pass by."""
    small = calls.linear("small", calls.tensor("x", 1, 5), 10)
    large = calls.linear("large", small.output, 1000)
    back = calls.linear("back", large.output, 10)
    total = calls.add("sum", small.output, back.output)
    y = calls.linear("y", total.output, 3)
    assert residency([small, large, back, total, y], 30).external == {"x", "y", "large"}


def test_a_reshape_is_another_name(calls: Any) -> None:
    """A step without work shares its input's bytes: alive as long as either name, external where the other is."""
    a = calls.linear("a", calls.tensor("x", 2, 5), 10)
    flat = calls.reshape("flat", a.output, 1, 20)
    y = calls.linear("y", flat.output, 5)
    last = calls.reshape("last", y.output, 5)
    fits, tight = residency([a, flat, y, last], 20), residency([a, flat, y, last], 19)
    assert fits.alias == {"flat", "last"}
    assert fits.external == {"x", "y", "last"}
    assert tight.external == {"x", "y", "last", "a", "flat"}


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 4)), min_size=2, max_size=12),
    st.integers(1, 200),
    st.integers(0, 100),
)
def test_what_stays_fits_and_a_larger_buffer_keeps_more(
    calls: Any, chain: list[tuple[int, int]], capacity: int, more: int
) -> None:
    """On random graphs: residents alive at a step never exceed the buffer; none leaves a larger one."""
    sequence = [calls.linear("t0", calls.tensor("x", 1, 3), chain[0][0])]
    for index, (size, back) in enumerate(chain[1:], start=1):
        source = sequence[max(0, index - back)]
        sequence.append(calls.linear(f"t{index}", source.output, size))
    homes = residency(sequence, capacity)
    for step in range(len(sequence)):
        alive = {
            call.output.name: call.output.size
            for born, call in enumerate(sequence[: step + 1])
            if born == step or any(call.output.name == later.inputs[0].name for later in sequence[step:])
        }
        assert sum(size for name, size in alive.items() if name not in homes.external) <= capacity
    assert residency(sequence, capacity + more).external <= homes.external
