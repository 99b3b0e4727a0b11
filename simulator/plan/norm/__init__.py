"""layer_norm and group_norm of the fast machine, by kind of norm unit. For plan/binders.py."""

from __future__ import annotations

from bittrue.simulator.plan.norm.bind import bind_norm

__all__ = ["bind_norm"]
