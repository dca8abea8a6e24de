"""`Maps`: what is seen of the potentials of a network, where its currents go, what sources deliver: sparse, and made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.newton.laws import Devices, of_slopes, placed_rows
from hwlearn.circuits.newton.matrices import choose_matrices
from hwlearn.circuits.newton.reduction import reduce
from hwlearn.network import Network, Source


class Maps:
    """The linear parts of Kirchhoff's laws of a network with further voltage sources, `held`.

    A `loaded` network has a resistor more across each output; their conductances follow those of the edges.

    Samples are columns here, and u are the values of all sources, then the currents into the outputs. Flows are the currents
    of edges and of further branches; what is seen are the drops of edges, then the controls of all devices.

    Attributes:
        edges: how many, with those that load. flows: how many. width: how many slopes. seen_rows: how many.
        resistors: edges without a device. rows: where each law stands.
        nodes, lifts: voltages of all nodes, of free potentials x and of u.
        seen, seen_lifts: what is seen, of x and of u.
        leaving, entering: Kirchhoff's sums, of flows (negative) and of u.
        outputs: voltages of the outputs, of those of all nodes.
        ports, tests: (n, n_out) unit currents into the outputs, and of the transposed network. tested: drops of that one.
        driven: which of the sources that drive make a voltage. beside: edges at these.
        delivered, undelivered: what these deliver, of flows and of u.
        fixed: (…, 1) values of the sources that stay.
        matrices: Newton's.
        local: whether diagonals dominate them, and walks are positive.
        reciprocal: whether they are symmetric.
    """

    def __init__(self, network: Network, devices: Devices, held: Sequence[Source], *, loaded: bool = False) -> None:
        laws, nodes = devices.branches, len(devices.nodes)
        ports = _widened(network.port_incidence, nodes)
        own = _widened(network.incidence, nodes)
        if loaded:
            own = csr_array(vstack((own, ports)))
        self.edges = own.shape[0]
        edges_of_devices = np.concatenate([np.empty(0, dtype=np.intp), *(branches.edges for branches in laws)])
        self.resistors = np.setdiff1d(np.arange(self.edges), edges_of_devices)
        self.rows = list(placed_rows(laws, self.edges, len(self.resistors)))
        sources = (*network.inputs, *held, *network.fixed_sources, *devices.ties)
        reduction = reduce(devices.nodes, len(sources), devices.held(sources))
        spread, sums = reduction.spread, reduction.sums
        incidence = csr_array(vstack((own, *(branches.incidence[branches.edges < 0] for branches in laws))))
        fed = replace(network, inputs=(*network.inputs, *held), outputs=()).source_incidence.T.tocsc()
        fed = fed * np.array([source.kind == "current" for source in sources[: fed.shape[1]]], dtype=np.float64)
        lifts = csr_array(hstack((reduction.lifts, csr_array((nodes, len(network.outputs))))))
        into = csr_array(hstack((_widened(fed.T, nodes).T, csr_array((nodes, len(devices.ties))), ports.T)))
        seen = csr_array(vstack((own, *(branches.controls for branches in laws))))

        self.nodes, self.lifts = SparseMap(spread), SparseMap(lifts)
        loops, controls = _pruned(incidence @ sums), _pruned(seen @ spread)
        self.seen, self.seen_lifts = SparseMap(controls), SparseMap(csr_array(seen @ lifts))
        self.leaving, self.entering = SparseMap(csr_array(-loops.T)), SparseMap(csr_array(sums.T @ into))
        self.outputs, self.ports = SparseMap(ports), (sums.T @ ports.T).toarray()
        self.tests, self.tested = (spread.T @ ports.T).toarray(), SparseMap(csr_array(own @ sums))
        driven = len(network.inputs) + len(held)
        self.driven = [k for k, source in enumerate(sources[:driven]) if source.kind == "voltage"]
        paid = csr_array(reduction.paid.T)[self.driven]
        beside = np.unique(csr_array(paid @ incidence.T).nonzero()[1])
        self.beside = beside[beside < self.edges]
        self.delivered, self.undelivered = SparseMap(csr_array(paid @ incidence.T)), SparseMap(csr_array(-(paid @ into)))
        self.fixed = np.array([source.value for source in sources[driven:]]).reshape(-1, 1)

        # Each slope ∂i/∂v is an entry s l rᵀ of Newton's matrix: l where the current flows, r what the voltage is of.
        entries = list(map(of_slopes, self.rows))
        flowing = np.concatenate([self.resistors, *(flows for flows, _ in entries)])
        of = np.concatenate([self.resistors, *(self.edges + controls for _, controls in entries)])
        self.width, self.flows, self.seen_rows = len(flowing), incidence.shape[0], seen.shape[0]
        self.local = reduction.plain and all(branches.local for branches in laws)
        self.reciprocal = reduction.symmetric and all(branches.reciprocal for branches in laws)
        self.matrices = choose_matrices(loops[flowing], controls[of], symmetric=self.reciprocal, dominated=self.local)

    def room(self, conductances: Array, samples: int) -> Array:
        """(k, S) S for the slopes of resistors, which do not change, and then of the devices."""
        slopes = np.empty((self.width, samples))
        slopes[: len(self.resistors)] = conductances[self.resistors, None]
        return slopes

    def driven_by(self, values: Array, injected: Array) -> Array:
        """u, for the driven sources' values (S, …), and `injected` (S, n_out) A into the outputs."""
        first, last = values.shape[1], values.shape[1] + len(self.fixed)
        u = np.empty((last + injected.shape[1], len(values)))
        u[:first], u[first:last], u[last:] = values.T, self.fixed, injected.T
        return u


def _widened(matrix: csr_array, nodes: int) -> csr_array:
    """With columns for inner nodes."""
    wide = csr_array(matrix, copy=True)
    wide.resize((matrix.shape[0], nodes))
    return wide


def _pruned(matrix: csr_array) -> csr_array:
    """Without the entries of edges between merged nodes, which cancel."""
    pruned = csr_array(matrix)
    pruned.eliminate_zeros()
    return pruned
