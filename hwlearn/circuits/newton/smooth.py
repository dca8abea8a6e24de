"""`Smooth`: a network whose laws have slopes, with open, held or pulled outputs."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Hold, Outputs, Pull
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.circuits.newton.equations import Equations
from hwlearn.circuits.newton.laws import Devices
from hwlearn.circuits.newton.small_signal import SmallSignal
from hwlearn.circuits.trust import decades_apart
from hwlearn.errors import SimulationError
from hwlearn.network import Network, Source


class Smooth:
    """Kirchhoff's current law at the merged nodes (docs/theory.md), `F(x) = Tᵀ [Bᵀ i(v) − J] = 0` with `v = T x + P s`.

    With reciprocal laws alone, such as diodes, it has one solution if all i increase with Δv, and Newton's matrix is the K of
    a linear network in which each branch is an edge with its slope: symmetric positive definite. With others, such as channels
    with another slope at each end, the matrix is not symmetric. Held outputs are further voltage sources.
    """

    def __init__(self, network: Network, devices: Devices) -> None:
        self._network, self._devices = network, devices
        self._free = Equations(network, devices, ())
        self._held: Equations | None = None
        self._pulled: Equations | None = None
        self._loaded = np.empty(0)  # conductances, and those of the resistors that pull

    @property
    def reciprocal(self) -> bool:
        """Whether each current depends on its own voltage alone."""
        return self._free.reciprocal

    def small_signal(self, conductances: Array, inputs: Array) -> SmallSignal:
        """What small changes do at the operating points that `inputs` (S, n_in) make, the outputs open."""
        return self._free.small_signal(conductances, inputs)

    def measure(self, conductances: Array, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        """Measure S samples at conductances (E,) S; `imposed` (S, n_out) as in `Circuit`."""
        network, driven = self._network, len(self._network.inputs)
        if isinstance(outputs, Hold):
            assert imposed is not None
            voltages, observed, delivered = self._holding(conductances, inputs, imposed)
            currents = delivered[:, driven:]
            if np.isnan(currents).any():
                raise SimulationError(f"exact: held outputs: {decades_apart(network, conductances)}")
        elif isinstance(outputs, Pull):
            assert imposed is not None
            voltages, observed, delivered = self._pulling(conductances, inputs, imposed, outputs.conductance)
            currents = outputs.conductance * (imposed - observed)
        else:
            currents = np.zeros((len(inputs), len(network.outputs))) if imposed is None else np.array(imposed)
            voltages, observed, delivered = self._free.solve(conductances, inputs, currents)
        delivered = delivered[:, :driven]
        provenance = f"exact (Newton, {self._free.solver})"
        return SampledMeasurement(network, conductances, voltages, observed, currents, delivered, provenance=provenance)

    def _holding(self, conductances: Array, inputs: Array, voltages: Array) -> tuple[Array, Array, Array]:
        """`Equations.solve` with a voltage source at each output."""
        if self._held is None:
            held = [Source(f"held output {port.name}", "voltage", port.plus, port.minus) for port in self._network.outputs]
            self._held = Equations(self._network, self._devices, held)
        return self._held.solve(conductances, np.hstack((inputs, voltages)), np.zeros(voltages.shape))

    def _pulling(self, conductances: Array, inputs: Array, towards: Array, conductance: float) -> tuple[Array, Array, Array]:
        """`Equations.solve` with each output behind a resistor: by Norton, one across the port, and its current."""
        if self._pulled is None:
            self._pulled = Equations(self._network, self._devices, (), loaded=True)
        loaded = np.concatenate((conductances, np.full(towards.shape[1], conductance)))
        if not np.array_equal(loaded, self._loaded):
            self._loaded = loaded
        return self._pulled.solve(self._loaded, inputs, conductance * towards)

    def close(self) -> None:
        """Release the matrices of held and pulled outputs."""
        self._held = self._pulled = None
