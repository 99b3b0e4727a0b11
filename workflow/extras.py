"""Optional dependencies: one clear error where a verb needs what is not installed."""

from __future__ import annotations

import importlib.util

from bittrue.spec.errors import Unsupported


def need(extra: str, *modules: str, verb: str) -> None:
    """Refuse a verb whose modules are missing, naming the extra that brings them."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise Unsupported(
            f"`{verb}` needs packages that are not installed",
            got=f"without {', '.join(missing)}",
            expected=", ".join(modules),
            next_step=f"pip install 'bittrue[{extra}]'",
        )


def need_torch(verb: str) -> None:
    """Refuse a verb that needs the float side in an installation without it."""
    need("torch", "torch", "timm", "torchvision", "PIL", verb=verb)
