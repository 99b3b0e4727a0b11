"""softmax of the fast machine, by kind of softmax unit. For plan/binders.py.

Logits are bytes, so that whatever a unit computes from a logit and its row's maximum alone is a table of 256 entries,
filled once by the plain unit; and what it makes of them with the row's sum is a table of 256 entries a row.
"""

from __future__ import annotations

from bittrue.simulator.plan.softmax.bind import bind_softmax

__all__ = ["bind_softmax"]
