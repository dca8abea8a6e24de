"""The contract of a circuit: `Drive` in, `Measurement` out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Hold, Outputs, Pull
from hwlearn.circuits.ledger import Ledger
from hwlearn.circuits.linalg import is_finite
from hwlearn.circuits.measurement import Measurement
from hwlearn.errors import DriveError, HwlearnError, SimulationError
from hwlearn.network import Network
from hwlearn.network.arguments import unmasked
from hwlearn.sealed import Sealed

log = logging.getLogger(__name__)


class Circuit(Sealed, ABC):
    """A network that can be programmed, driven and measured: on paper, in ngspice, on a bench.

    The public methods validate and log; a backend writes `_program`, `_measure` and `_close`. `program` is final, since
    `train` calls `_program`. Not thread-safe.

    Args:
        network: what the circuit is; its conductances are programmed at the start.

    Attributes:
        name: of its kind.
        pulls: whether `_measure` can answer a `Pull`. If not, it is never given one.
    """

    name: str = "circuit"
    pulls: bool = False

    def __init__(self, network: Network) -> None:
        self.network = network
        self._conductances = network.conductances
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.network!r}>"

    @property
    def conductances(self) -> Array:
        """(E,) siemens: what the circuit has now, as far as it can know. Read-only."""
        return self._conductances

    @property
    def codes(self) -> NDArray[np.intp] | None:
        """(E,) what is written to the devices that realise the conductances, −1 where there is none; None without codes."""
        return None

    @property
    def ledger(self) -> Ledger | None:
        """Energy, time and writes so far, as measured; None of models, which cost nothing."""
        return None

    @property
    def strayed(self) -> Array:
        """(E,) S: by how much edges are known to have left `conductances` since they were told; 0 in most circuits."""
        return np.zeros(len(self.network.edges))

    def heeded(self, direction: Array) -> Array:
        """(E,) which part is made of a small change that edges are told, where they are now; all of it in most circuits.

        Args:
            direction: (E,) of the change; where it is negative, it lowers a conductance.
        """
        return np.ones_like(direction)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: what training may ask for. The network's, and within what the devices can do."""
        return self.network.lower, self.network.upper

    @final
    def program(self, conductances: ArrayLike) -> Array:
        """Set the conductances, (E,) [S]; the values are copied.

        Returns:
            What was realised (clipped, quantised), (E,) [S].

        Raises:
            NetworkError: wrong shape, not finite, or not positive. The circuit keeps what it had.
        """
        self._check_open()
        unmasked(conductances, "conductances")
        wanted = np.array(conductances, dtype=np.float64)
        self.network.check_conductances(wanted)
        self._realise(wanted)
        return self._conductances

    @final
    def _realise(self, wanted: Array) -> None:
        """`program` for `train`, which makes values (E,) S that fit and gives them away."""
        self._conductances = self._program(wanted)
        self._conductances.setflags(write=False)

    def measure(self, drive: Drive) -> Measurement:
        """Drive the circuit and measure it, S samples at once. Does not change its conductances.

        Raises:
            DriveError: the drive does not fit the network.
            NetworkError: outputs to be held form a loop.
            SimulationError: the answer is not to be trusted (singular, not converged, not finite).
        """
        self._check_open()
        if not isinstance(drive, Drive):
            raise DriveError("measure takes what is done to the circuit: pass Drive(inputs), or Drive(inputs, Hold(voltages))")
        inputs, imposed = drive.fitted(self.network)
        if isinstance(drive.outputs, Pull) and not self.pulls:
            raise DriveError(f"{self.name}: this circuit does not pull its outputs by resistors; nudge by a current")
        if isinstance(drive.outputs, Hold):
            self.check_holdable()
        measurement = self._measure(inputs, drive.outputs, imposed)
        if not is_finite(measurement.output_voltages) or (
            isinstance(drive.outputs, Hold) and not is_finite(measurement.output_currents)
        ):
            raise SimulationError(f"{self.name}: the measurement is not finite; the circuit may be singular")
        return measurement

    def alike(self, network: Network) -> Circuit:
        """A new circuit of the same kind, of another network: models have it, such as one without edges that are dead.

        Raises:
            HwlearnError: it is a thing, not a model.
        """
        before = dict(zip(self.network.edge_names, self.network.conductances.tolist(), strict=True))
        now = dict(zip(network.edge_names, network.conductances.tolist(), strict=True))
        changed = ", ".join(name for name, g in before.items() if now.get(name) != g)
        raise HwlearnError(f"{self.name}: {changed}: cannot be changed into something else; on a bench, take the lead off")

    def provenance(self) -> dict[str, Any]:
        """What this circuit is and what it has been through so far, for JSON."""
        return {"backend": self.name}

    def celsius(self) -> dict[str, float]:
        """Readings of the thermometers in the last phase [°C], by name."""
        return {}

    def snapshot(self) -> dict[str, Array]:
        """What the circuit remembers beside its conductances, such as write counters: named arrays, for `restore`."""
        return {}

    def restore(self, snapshot: Mapping[str, Array]) -> None:  # most circuits remember nothing
        """Remember what an earlier circuit of the same kind did at its `snapshot`."""

    def close(self) -> None:
        """Leave the outputs safe and release what is held; may be called twice."""
        if not self._closed:
            self._closed = True
            self._close()
            log.debug("%s closed", self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise SimulationError(f"{self.name} is closed; make a new one")

    def check_holdable(self) -> None:
        """Refuse outputs that form a loop, which cannot be held; looked at once.

        Raises:
            NetworkError: names them.
        """
        if not getattr(self, "_holdable", False):
            self.network.check_holdable()
            self._holdable = True

    @abstractmethod
    def _program(self, conductances: Array) -> Array:
        """Set checked conductances, which are the backend's own copy; return what was realised."""

    @abstractmethod
    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        """Measure S checked samples; `imposed` (S, n_out) belongs to `outputs`, None when open."""

    @abstractmethod
    def _close(self) -> None:
        """Release everything; called once."""
