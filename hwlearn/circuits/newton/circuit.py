"""`NewtonCircuit`: resistors and all devices that have a law, by Newton's method on the merged nodes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Outputs
from hwlearn.circuits.measurement import Measurement
from hwlearn.circuits.newton.folded import Folded
from hwlearn.circuits.newton.laws import Devices, all_devices
from hwlearn.circuits.newton.programmed import Programmed
from hwlearn.circuits.newton.single import Single
from hwlearn.circuits.newton.small_signal import SmallSignal
from hwlearn.circuits.newton.smooth import Smooth
from hwlearn.circuits.newton.switched import small_signal, told
from hwlearn.errors import HwlearnWarning, ModelError
from hwlearn.netlist.ignored import ignored
from hwlearn.network import Network
from hwlearn.network.devices.ideal_diode import Complementarity

KINDS = tuple(map(np.dtype, ("float64", "float32")))


class NewtonCircuit(Circuit):
    """The exact model, to rounding, of resistors and of all devices that have a law (`network.devices`, `network.elements`).

    Where all laws have slopes, by Newton's method (`Smooth`). With ideal diodes the equations are others, `Folded`: which
    diodes conduct is found exactly. Each measurement starts from rest, so none hangs on the one before.

    Args:
        dtype: "float32" for twice the speed and an accuracy of 1e-6, with ideal diodes.

    Attributes:
        single: whether it computes in float32.
        kept: what training asked for in float32, if that was the last to program it.

    Raises:
        ModelError: no law reads an element, or its parameters; names each with its line.
    """

    name = "exact"
    pulls = True
    kept: Single | None = None

    def __init__(self, network: Network, dtype: DTypeLike = "float64") -> None:
        super().__init__(network)
        self._dtype = dtype
        self._programmed: Programmed | None = None
        devices = all_devices(network)
        if np.dtype(dtype) not in KINDS:
            raise ModelError(f"dtype is {dtype!r}; give 'float64', or 'float32'")
        self.single = np.dtype(dtype) == KINDS[1]
        self._model = _folded(network, devices, dtype) or Smooth(network, devices)
        if self.single and isinstance(self._model, Smooth):
            raise ModelError("float32 is for networks with ideal diodes; others are solved in float64")

    def alike(self, network: Network) -> NewtonCircuit:
        return NewtonCircuit(network, self._dtype)

    def provenance(self) -> dict[str, Any]:
        left_out = str(ignored(self.network))
        return super().provenance() | ({"ignored at DC": left_out} if left_out else {})

    @property
    def reciprocal(self) -> bool:
        """True if each current depends on its own voltage alone: Newton's matrix is symmetric."""
        return isinstance(self._model, Folded) or self._model.reciprocal

    def small_signal(self, inputs: Array) -> SmallSignal:
        """What small changes do at the operating points that `inputs` (S, n_in) make, the outputs open.

        Ideal diodes conduct or block there. One that does neither is taken as open, and a warning names it.
        """
        if isinstance(self._model, Smooth):
            return self._model.small_signal(self._conductances, inputs)
        found = small_signal(self._model, self._as_programmed(self._model), inputs)
        if found.kinks:
            warnings.warn(told(found.kinks), HwlearnWarning, stacklevel=2)
        return found

    @property
    def conductances(self) -> Array:
        return self._conductances if self.kept is None else self.kept.whole

    def _program(self, conductances: Array) -> Array:
        self._programmed = self.kept = None
        return conductances

    def take(self, conductances: Single) -> None:
        """`program` for training in float32 (`single`), which makes numbers that fit."""
        self._programmed, self.kept = None, conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        if isinstance(self._model, Smooth):
            return self._model.measure(self._conductances, inputs, outputs, imposed)
        return self._model.measure(self._as_programmed(self._model), inputs, outputs, imposed)

    def _as_programmed(self, model: Folded) -> Programmed:
        if self._programmed is None:
            self._programmed = model.program(self._conductances if self.kept is None else self.kept)
        return self._programmed

    def _close(self) -> None:
        if isinstance(self._model, Smooth):
            self._model.close()


def _folded(network: Network, devices: Devices, dtype: DTypeLike) -> Folded | None:
    """The model of a network with ideal diodes; None without.

    Raises:
        ModelError: there is something else that it does not know.
    """
    ideal = [branches for branches in devices.branches if isinstance(branches.law, Complementarity)]
    if not ideal:
        return None
    if devices.ties:
        raise ModelError(f"{devices.ties[0].name} ties voltages, which a network with ideal diodes cannot have yet")
    others = tuple(branches for branches in devices.branches if branches not in ideal)
    return Folded(network, others, ideal, dtype)
