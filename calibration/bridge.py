"""Bridge blocks: where a hybrid network changes from local features (convolutions) to tokens, and back.

Q-HyViT (arXiv 2303.12557, section 3.2) reconstructs the layers of a bridge block at the block's output, because the
ranges of their activations differ most between channels. The paper counts three such blocks in a MobileViT and says
no more; the published lists of layer numbers fit one model each. Here the blocks follow from the graph:

way in    from the last convolutions before tokens (through elementwise functions back to one with a window, or to
          where the chain ends) to the first attention's projections: MobileViT's conv_kxk, conv_1x1, norm, qkv
way out   from the last norm behind attention to the projection back to an image, and to the convolution that joins
          it with a skip from before the tokens, if there is one: MobileViT's norm, conv_proj, conv_fusion
"""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.sites import NORMS

WEIGHTED = ("conv2d", "linear")
JOINS = ("add", "concat")


@dataclass(frozen=True)
class Bridge:
    """One bridge block."""

    name: str
    """Of its last node's module path."""
    way: str
    """"in" (local to global) or "out" (global to local)."""
    nodes: tuple[str, ...]
    """Nodes of the block in order of execution, layout nodes among them."""
    ends: tuple[str, ...]
    """Tensors of the block that something outside reads: where the block is judged."""


def find_bridges(graph: FloatGraph) -> tuple[Bridge, ...]:
    """All bridge blocks of a graph in order of execution; none where nothing attends or nothing convolves."""
    search = _Search(graph)
    blocks = [*search.ways_in(), *search.ways_out()]
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    return tuple(sorted(blocks, key=lambda block: order[block.nodes[0]]))


def bridge_activations(graph: FloatGraph) -> tuple[str, ...]:
    """The tensors that bridge blocks compute with, in order of production: what any of their nodes reads."""
    return tuple(dict.fromkeys(name for block in find_bridges(graph) for name in activations_of(graph, block)))


def activations_of(graph: FloatGraph, block: Bridge) -> tuple[str, ...]:
    """What the nodes of one block read, seen through layout nodes; neither the image nor constants.

    The block's own input is among them. What only others read of its ends (queries, keys and values, a fused image) is
    theirs.
    """
    read = {
        graph.source(name)
        for node in map(graph.by_name.__getitem__, block.nodes)
        if not node.is_layout
        for name in node.inputs
    }
    return tuple(node.name for node in graph.nodes if node.name in read and node.kind not in ("constant", "normalize"))


class _Search:
    def __init__(self, graph: FloatGraph) -> None:
        self.graph = graph
        self.attended: dict[str, bool] = {graph.input: False}
        """Whether attention lies between a tensor and the local convolutions in front of it."""
        for node in graph.nodes:
            behind = any(self.attended[name] for name in node.inputs)
            self.attended[node.name] = node.kind == "softmax" or (behind and not self.is_local(node))
        self.attends = self._ahead(("softmax",))
        self.normalizes = self._ahead(NORMS)

    def _ahead(self, kinds: tuple[str, ...]) -> dict[str, bool]:
        """For each node whether one of some kinds follows before a local convolution does."""
        found: dict[str, bool] = {}
        for node in reversed(self.graph.nodes):
            found[node.name] = any(
                reader.kind in kinds or (found[reader.name] and not self.is_local(reader))
                for reader in self.graph.consumers[node.name]
            )
        return found

    def ways_in(self) -> list[Bridge]:
        """One for each norm in front of an attention that has none before it."""
        blocks = []
        for norm in self.graph.nodes:
            if norm.kind not in NORMS or self.attended[norm.name] or not self.attends[norm.name]:
                continue
            projections = self._first_weighted_behind(norm.name)
            if not projections or not any(self._feeds_attention(node) for node in projections):
                continue
            chain = self._chain_in_front(norm.inputs[0])
            if chain:
                first = chain[0]
                blocks.append(self._block("in", self._between(first, projections), projections[-1]))
        return blocks

    def ways_out(self) -> list[Bridge]:
        """One for each norm behind attention that a convolution projects back to an image."""
        blocks = []
        for norm in self.graph.nodes:
            if norm.kind not in NORMS or not self.attended[norm.name] or self.normalizes[norm.name]:
                continue
            projections = self._first_weighted_behind(norm.name)
            if len(projections) != 1 or projections[0].kind != "conv2d":
                continue
            ends = self._fusion(projections[0]) or projections
            blocks.append(self._block("out", self._between(norm, ends), ends[-1]))
        return blocks

    def _first_weighted_behind(self, name: str) -> list[Node]:
        found: list[Node] = []
        for reader in self.graph.readers(name):
            if reader.kind in WEIGHTED:
                found.append(reader)
            elif reader.kind == "function":
                found.extend(self._first_weighted_behind(reader.name))
        return list({node.name: node for node in found}.values())

    def _feeds_attention(self, projection: Node) -> bool:
        """Whether a projection's output meets another activation before any weights do."""
        return any(
            reader.kind in ("matmul", "softmax", "weighted_sum") for reader in self.graph.readers(projection.name)
        )

    def _chain_in_front(self, name: str) -> list[Node]:
        """The convolutions in front of a tensor with the functions between, the first one first."""
        chain: list[Node] = []
        name = self._branch(self.graph.source(name))
        while name != self.graph.input:
            node = self.graph.by_name[name]
            if node.kind not in (*WEIGHTED, "function"):
                break
            chain.insert(0, node)
            if self.is_local(node):
                break
            name = self.graph.source(node.inputs[0])
        while chain and chain[0].kind == "function":
            chain.pop(0)
        return chain

    def _branch(self, name: str) -> str:
        """Behind joins: the one operand that is no constant, or of a residual stream the layer that was added last."""
        while name != self.graph.input and self.graph.by_name[name].kind in JOINS:
            sources = [
                source
                for source in map(self.graph.source, self.graph.by_name[name].inputs)
                if source == self.graph.input or self.graph.by_name[source].kind != "constant"
            ]
            layers = [source for source in sources if self._is_weighted(source)]
            if len(sources) > 1 and not layers:
                break
            name = layers[-1] if layers else sources[0]
        return name

    def _is_weighted(self, name: str) -> bool:
        return name != self.graph.input and self.graph.by_name[name].kind in WEIGHTED

    def _fusion(self, projection: Node) -> list[Node]:
        """The convolutions that read the projection joined with a tensor from before the tokens."""
        name = projection.name
        readers = self.graph.readers(name)
        while len(readers) == 1 and readers[0].kind == "function":
            name = readers[0].name
            readers = self.graph.readers(name)
        if len(readers) != 1 or readers[0].kind not in JOINS:
            return []
        skips = [s for s in map(self.graph.source, readers[0].inputs) if s != name]
        if any(self.attended[skip] for skip in skips):
            return []
        return [node for node in self.graph.readers(readers[0].name) if node.kind == "conv2d"]

    def _between(self, first: Node, last: list[Node]) -> list[Node]:
        """The nodes on paths from one node to others, both ends included."""
        reached = {first.name}
        for node in self.graph.nodes:
            if any(name in reached for name in node.inputs):
                reached.add(node.name)
        wanted = {node.name for node in last}
        for node in reversed(self.graph.nodes):
            if any(reader.name in wanted for reader in self.graph.consumers[node.name]):
                wanted.add(node.name)
        return [node for node in self.graph.nodes if node.name in reached & wanted]

    def _block(self, way: str, nodes: list[Node], last: Node) -> Bridge:
        names = {node.name for node in nodes}
        ends = tuple(
            node.name
            for node in nodes
            if not node.is_layout
            and (any(reader.name not in names for reader in self.graph.readers(node.name)) or node.name == last.name)
        )
        return Bridge(last.origin or last.name, way, tuple(node.name for node in nodes), ends)

    def is_local(self, node: Node) -> bool:
        """Whether a node is a convolution that looks at neighbours."""
        return node.kind == "conv2d" and max(self.graph.parameter(node, "weight").shape[2:]) > 1
