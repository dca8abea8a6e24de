"""Small networks for the contracts, and the dense solve that they are checked against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Hold, Pull
from hwlearn.network import Network, Source
from hwlearn.network.builders import grid, kite, wheatstone
from hwlearn.text import GROUND


def contract_networks() -> dict[str, Network]:
    """Small networks that have, between them, every kind of source and port."""
    random = np.random.default_rng(7)

    def decades(edges: int) -> Array:
        return 10 ** random.uniform(-4, -2, edges)

    divider = [("a", "m"), ("m", "0"), ("m", "k"), ("k", "0")]
    mixed = {
        "inputs": ["n0_0", "n2_2,n0_2", "I(n1_1)", "I(n2_0,n0_1)"],
        "outputs": ["n1_2", "n1_0,n2_1", "n2_2"],
        "fixed_sources": [
            Source("Vshift", "voltage", "n0_1", "n0_2", 0.25),
            Source("Ibias", "current", "n2_1", GROUND, 1e-4),
        ],
    }
    return {
        "divider": Network.from_edges(divider, decades(4), inputs=["a"], outputs=["m", "k"]),
        "kite": kite(decades(6)),
        "bridge": wheatstone(decades(5), outputs=["T,W", "T"]),
        "mixed": grid(3, 3, decades(12), **mixed),
    }


@dataclass(frozen=True)
class NodalSolution:
    """Answer of `modified_nodal`; shapes and signs as in `Measurement`."""

    node_voltages: Array
    output_voltages: Array
    output_currents: Array
    input_currents: Array


def modified_nodal(network: Network, conductances: Array, drive: Drive) -> NodalSolution:
    """Dense modified nodal analysis: Kirchhoff's current law at each node, one equation per voltage source.

    Slow and independent of the backends: no merging, no reduction, one LU solve for everything.
    """
    nodes, index = len(network.nodes), network.node_index
    inputs, imposed = drive.fitted(network)
    held, pull = isinstance(drive.outputs, Hold), drive.outputs if isinstance(drive.outputs, Pull) else None

    def ends(plus: str, minus: str) -> Array:
        column = np.zeros(nodes)
        for name, sign in ((plus, 1.0), (minus, -1.0)):
            if name != GROUND:
                column[index[name]] += sign
        return column

    laplacian = np.zeros((nodes, nodes))
    for edge, g in zip(network.edges, conductances, strict=True):
        column = ends(edge.tail, edge.head)
        laplacian += g * np.outer(column, column)
    ties, values = [], []
    injected = np.zeros((drive.count, nodes))
    if GROUND in index:  # a ground that is a node is tied to zero
        column = np.zeros(nodes)
        column[index[GROUND]] = 1.0
        ties.append(column)
        values.append(np.zeros(drive.count))
    order: dict[int, int] = {}
    for k, source in enumerate(network.sources):
        amount = inputs[:, k] if k < len(network.inputs) else np.full(drive.count, source.value)
        if source.kind == "voltage":
            order[k] = len(ties)
            ties.append(ends(source.plus, source.minus))
            values.append(amount)
        else:
            injected += np.outer(amount, ends(source.plus, source.minus))
    outputs = np.array([ends(port.plus, port.minus) for port in network.outputs]).reshape(-1, nodes)
    sources = len(ties)
    if held and imposed is not None:
        ties += list(outputs)
        values += list(imposed.T)
    elif pull is not None:
        laplacian += pull.conductance * outputs.T @ outputs
        injected += pull.conductance * pull.voltage @ outputs
    elif imposed is not None:
        injected += imposed @ outputs
    tied = np.array(ties).reshape(-1, nodes)
    system = np.block([[laplacian, -tied.T], [tied, np.zeros((len(tied), len(tied)))]])
    right = np.vstack((injected.T, np.array(values).reshape(-1, drive.count)))
    solution = np.linalg.solve(system, right).T
    voltages, currents = solution[:, :nodes], solution[:, nodes:]
    delivered = inputs.copy()
    for k, position in order.items():
        if k < len(network.inputs):
            delivered[:, k] = currents[:, position]
    port_currents = np.zeros((drive.count, len(outputs)))
    if pull is not None:
        port_currents = pull.conductance * (pull.voltage - voltages @ outputs.T)
    elif imposed is not None:
        port_currents = currents[:, sources:] if held else np.array(imposed)
    return NodalSolution(voltages, voltages @ outputs.T, port_currents, delivered)
