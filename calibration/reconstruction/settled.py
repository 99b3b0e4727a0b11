"""Which choices need no second look: nothing that their errors were made from has changed since."""

from __future__ import annotations

from collections.abc import Iterable


class Settled:
    """Keeps when what each node sees last changed, and what each choice was made from."""

    def __init__(self) -> None:
        self._now = 0
        self._changed: dict[str, int] = {}
        self._chosen: dict[tuple[str, str], tuple[int, ...]] = {}

    def change(self, nodes: Iterable[str]) -> None:
        """Note that the inputs or weights of some nodes, or what their errors are judged by, have changed."""
        self._now += 1
        self._changed.update(dict.fromkeys(nodes, self._now))

    def settle(self, what: str, name: str, nodes: Iterable[str]) -> None:
        """Note that something was chosen by the errors of these nodes as they are now."""
        self._chosen[what, name] = self._state(nodes)

    def __call__(self, what: str, name: str, nodes: Iterable[str]) -> bool:
        """Whether the same would be chosen again."""
        return self._chosen.get((what, name)) == self._state(nodes)

    def _state(self, nodes: Iterable[str]) -> tuple[int, ...]:
        return tuple(self._changed.get(node, 0) for node in nodes)
