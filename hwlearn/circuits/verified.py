"""Voltages that another program found, against the exact model."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.ports import Ports
from hwlearn.circuits.exact.system import System
from hwlearn.circuits.trust import ACCURACY, CERTAIN, decades_apart, summed
from hwlearn.errors import SimulationError
from hwlearn.network import Network


class Verified:
    """Refuses voltages of a linear network that are more than `ACCURACY` of the largest off, where rounding may do that.

    The currents that the voltages leave at the free nodes, through K⁻¹, are their error. It is only looked at while a walk in
    the network takes more than `CERTAIN` steps (`Trust`), or if an edge bridges floating sources, whose current K does not
    have and the other program does. So it costs next to nothing otherwise.
    """

    def __init__(self, network: Network) -> None:
        self._system = System(network)
        self._basis = Basis(self._system, None)
        ends = network.merging.cluster[network.tails], network.merging.cluster[network.heads]
        self._bridged = bool(((ends[0] == ends[1]) & (ends[0] >= 0)).any())

    def check(self, conductances: Array, voltages: Array, inputs: Array, port_currents: Array) -> None:
        """For conductances (E,) S and one sample: voltages (N,), inputs (n_in,) and currents into the outputs (n_out,).

        Raises:
            SimulationError: they are off; names the edges.
        """
        system, basis, trust = self._system, self._basis, self._system.trust
        numbers, refined, plain = None, None, trust.plain(conductances)
        if not plain:
            numbers, right = basis.assemble(conductances)
            refined = trust.refined(lambda: (basis, right), conductances, numbers)
        if trust.steps <= CERTAIN and not self._bridged:
            return
        if plain:
            system.cholesky.factor(basis.assemble(conductances)[0], conductances)
        drops = voltages[system.network.tails] - voltages[system.network.heads]
        injected = basis.padded(inputs[None]) @ basis.injected + port_currents[None] @ system.port_rows
        left = summed(system.left, (conductances * drops)[None], injected)
        error = np.abs((system.cholesky if refined is None else refined).solve(left)).max(initial=0.0)
        if not error <= ACCURACY * np.abs(voltages).max(initial=0.0):
            raise SimulationError(f"ngspice is {error:.2g} V off: {decades_apart(system.network, conductances)}")

    def improve(
        self, input_currents: Array, conductances: Array, voltages: Array, inputs: Array, port_currents: Array
    ) -> None:
        """Make input currents (S, n_in) anew from the voltages (S, N), by Tellegen's theorem, where rounding drowns them.

        A large conductance at an input turns the rounding of a potential into a current.
        """
        system = self._system
        beside = conductances[system.touched].max(initial=0.0)
        rounding = min(1e-16 * (1 + system.trust.steps), ACCURACY) * beside * np.abs(voltages).max(axis=1)
        if (rounding <= 1e-10 * np.abs(input_currents).max(axis=1, initial=0.0)).all():
            return
        test = Ports(self._basis, conductances).tests(system.voltage_inputs)
        drops = voltages[:, system.network.tails] - voltages[:, system.network.heads]
        delivered = (drops * conductances) @ test.drops.T - port_currents @ test.ports.T
        input_currents[:, system.voltage_inputs] = delivered - self._basis.padded(inputs) @ test.injected.T
