"""What every node's lowering may read."""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.calibration.graph import Node
from bittrue.calibration.plan import QuantPlan
from bittrue.spec.datapath import Datapath
from bittrue.spec.tensors import TensorSpec


@dataclass(frozen=True)
class Lowering:
    """A plan, the datapath it is lowered for, and the specs of all tensors."""

    plan: QuantPlan
    datapath: Datapath
    specs: dict[str, TensorSpec]

    def inputs(self, node: Node) -> tuple[TensorSpec, ...]:
        """Specs of a node's inputs."""
        return tuple(self.specs[name] for name in node.inputs)
