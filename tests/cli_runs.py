"""The type of the `run` fixture of tests/cli, and the assertion that it refused something as a user should see it."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Arguments of `bittrue` -> (exit code, standard output, standard error)."""


def refuse(run: Run, *arguments: object, said: str) -> str:
    """Assert exit 2 and one error that says what, and return it."""
    code, out, err = run(*arguments)
    assert code == 2, (out, err)
    assert sum(line.startswith("error: ") for line in err.splitlines()) == 1, err
    assert "Traceback" not in err
    assert said in err, err
    return err
