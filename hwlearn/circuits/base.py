"""The contract of a circuit: `Drive` in, `Measurement` out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import is_finite
from hwlearn.errors import DriveError, NetworkError, SimulationError
from hwlearn.network import Network
from hwlearn.network.arguments import unmasked

if TYPE_CHECKING:
    from hwlearn.circuits.exact.ports import Ports

log = logging.getLogger(__name__)


def samples(values: ArrayLike, what: str) -> Array:
    """`values` as a finite (S, n) array; one sample may come without its S.

    Raises:
        DriveError: not a number, masked, or more than two dimensions.
    """
    if type(values) is np.ndarray and values.dtype == np.float64 and values.ndim == 2 and is_finite(values):
        return values
    try:
        unmasked(values, what)
        array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    except NetworkError as error:
        raise DriveError(str(error)) from None
    except (TypeError, ValueError) as error:
        raise DriveError(f"{what}: {error}") from None
    if array.ndim != 2:
        raise DriveError(f"{what}: shape {array.shape}, need (samples, ports)")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise DriveError(f"{what}: sample {row}, port {column} is {array[row, column]}")
    return array


@dataclass(frozen=True)
class Open:
    """Output ports left open: no current; their voltages are observed."""

    imposed: ClassVar[None] = None


@dataclass(frozen=True, eq=False, init=False)
class Inject:
    """A current into each output port, (S, n_out) [A], positive into the circuit at the port's plus node."""

    current: Array

    def __init__(self, current: ArrayLike) -> None:
        object.__setattr__(self, "current", samples(current, "injected currents"))

    @property
    def imposed(self) -> Array:
        return self.current


@dataclass(frozen=True, eq=False, init=False)
class Hold:
    """Each output port held at a voltage, (S, n_out) [V]; the currents that this takes are observed."""

    voltage: Array

    def __init__(self, voltage: ArrayLike) -> None:
        object.__setattr__(self, "voltage", samples(voltage, "held voltages"))

    @property
    def imposed(self) -> Array:
        return self.voltage


Outputs = Open | Inject | Hold

_OPEN = Open()


@dataclass(frozen=True, eq=False, init=False)
class Drive:
    """What is done to a circuit, S samples at once.

    Args:
        inputs: (S, n_in), volts for voltage inputs and amperes for current inputs.
        outputs: `Open()`, `Inject(current)` or `Hold(voltage)`; one row may stand for all samples.

    Raises:
        DriveError: not finite, no samples, or `outputs` of another kind.
    """

    inputs: Array
    outputs: Outputs

    def __init__(self, inputs: ArrayLike, outputs: Outputs = _OPEN) -> None:
        object.__setattr__(self, "inputs", samples(inputs, "inputs"))
        object.__setattr__(self, "outputs", outputs)
        if not isinstance(outputs, Outputs):
            raise DriveError(f"outputs are {outputs!r}; give Open(), Inject(current) or Hold(voltage)")
        if not len(self.inputs):
            raise DriveError("inputs: no samples")

    @property
    def count(self) -> int:
        """S, the number of samples."""
        return len(self.inputs)

    def fitted(self, network: Network) -> tuple[Array, Array | None]:
        """(inputs, imposed), imposed (S, n_out) or None when open, checked against the network's ports.

        Raises:
            DriveError: names what has the wrong shape.
        """
        if self.inputs.shape[1] != len(network.inputs):
            names = ", ".join(network.input_names) or "none"
            raise DriveError(f"{self.inputs.shape[1]} input values per sample for {len(network.inputs)} inputs ({names})")
        imposed = self.outputs.imposed
        if imposed is None:
            return self.inputs, None
        if imposed.shape[1] != len(network.outputs):
            names = ", ".join(network.output_names) or "none"
            raise DriveError(f"{imposed.shape[1]} output values per sample for {len(network.outputs)} outputs ({names})")
        if len(imposed) != self.count:
            if len(imposed) != 1:
                raise DriveError(f"{len(imposed)} samples at the outputs, {self.count} at the inputs")
            imposed = np.broadcast_to(imposed, (self.count, imposed.shape[1]))
        return self.inputs, imposed


class Measurement(ABC):
    """What a circuit answered to a drive of S samples. NaN means: not measured.

    Attributes:
        output_voltages: (S, n_out) V.
        output_currents: (S, n_out) A, positive from the source into the circuit; zero at open ports.
        input_currents: (S, n_in) A, positive from the input's plus terminal into the circuit.
        noise: standard deviation of a voltage [V]; of the mean, where readings are averaged.
        provenance: which backend and solver made it.
    """

    output_voltages: Array
    output_currents: Array
    input_currents: Array
    noise: float
    provenance: str

    @property
    @abstractmethod
    def node_voltages(self) -> Array:
        """(S, N) V, against ground."""

    @property
    @abstractmethod
    def power(self) -> Array:
        """(S,) W dissipated in the edges: Σ_e g_e Δv_e² in resistors, Σ_e i_e Δv_e in transistors."""

    @abstractmethod
    def edge_drops(self) -> Array:
        """(S, E) V, Δv = B v."""

    @abstractmethod
    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        """(E,) V², the mean of Δv_e² over the samples, or Σ_s w_s Δv_e² with weights (S,)."""

    @abstractmethod
    def contrast(self, reference: Measurement) -> Array:
        """(E,) V²: mean over samples of Δv_e² here minus Δv_e² in `reference`, without the cancellation of two means.

        Both measurements must come from the same circuit with the same conductances and have the same number of samples.
        """

    @abstractmethod
    def __getitem__(self, chosen: slice) -> Measurement:
        """The measurement of some of the samples."""

    def __repr__(self) -> str:
        count, outputs = self.output_voltages.shape
        return f"<{type(self).__name__}: {count} samples, {outputs} outputs, by {self.provenance or 'unknown'}>"


@dataclass(frozen=True, eq=False, repr=False)
class SampledMeasurement(Measurement):
    """A measurement stored sample by sample, as simulators and instruments give it."""

    network: Network
    conductances: Array
    voltages: Array
    output_voltages: Array
    output_currents: Array
    input_currents: Array
    noise: float = 0.0
    provenance: str = ""

    @classmethod
    def joined(cls, parts: Sequence[SampledMeasurement]) -> SampledMeasurement:
        """The samples of all parts, one after the other. They are of one circuit with the same conductances."""
        first = parts[0]
        return cls(
            first.network,
            first.conductances,
            np.concatenate([part.voltages for part in parts]),
            np.concatenate([part.output_voltages for part in parts]),
            np.concatenate([part.output_currents for part in parts]),
            np.concatenate([part.input_currents for part in parts]),
            first.noise,
            first.provenance,
        )

    @property
    def node_voltages(self) -> Array:
        return self.voltages

    @cached_property
    def _drops(self) -> Array:
        return self.voltages[:, self.network.tails] - self.voltages[:, self.network.heads]

    @property
    def power(self) -> Array:
        if not self.network.transistors:
            return self._drops**2 @ self.conductances
        currents, channels = self._drops * self.conductances, self.network.channels
        currents[:, channels.edges] = channels.currents(self.conductances, self.voltages)
        return np.einsum("se,se->s", currents, self._drops)

    def edge_drops(self) -> Array:
        return self._drops

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        drops = self._drops
        share = np.full(len(drops), 1.0 / len(drops)) if weights is None else np.asarray(weights, dtype=np.float64)
        return share @ drops**2

    def contrast(self, reference: Measurement) -> Array:
        here, there = self.edge_drops(), reference.edge_drops()
        return np.einsum("se,se->e", here - there, here + there) / len(here)

    def __getitem__(self, chosen: slice) -> SampledMeasurement:
        return SampledMeasurement(
            self.network,
            self.conductances,
            self.voltages[chosen],
            self.output_voltages[chosen],
            self.output_currents[chosen],
            self.input_currents[chosen],
            self.noise,
            self.provenance,
        )


class Circuit(ABC):
    """A network that can be programmed, driven and measured: on paper, in ngspice, on a bench.

    The public methods validate and log; a backend writes `_program`, `_measure` and `_close`. Not thread-safe.

    Args:
        network: what the circuit is; its conductances are programmed at the start.
    """

    name: str = "circuit"
    linear: ClassVar[bool] = False
    """True if answers are exact and linear in the drive. Such a circuit has `ports`."""

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
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: what training may ask for. The network's, and within what the devices can do."""
        return self.network.lower, self.network.upper

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
        self.reprogram(wanted)
        return self._conductances

    def reprogram(self, wanted: Array) -> None:
        """`program` for a caller who knows that the values, (E,) S, fit, and gives them away."""
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
        inputs, imposed = drive.fitted(self.network)
        if isinstance(drive.outputs, Hold):
            self.check_holdable()
        measurement = self._measure(inputs, drive.outputs, imposed)
        if not is_finite(measurement.output_voltages) or (
            isinstance(drive.outputs, Hold) and not is_finite(measurement.output_currents)
        ):
            raise SimulationError(f"{self.name}: the measurement is not finite; the circuit may be singular")
        return measurement

    def provenance(self) -> dict[str, Any]:
        """What this circuit is and what it has been through so far, for JSON."""
        return {"backend": self.name}

    def snapshot(self) -> dict[str, Array]:
        """What the circuit remembers beside its conductances, such as write counters: named arrays, for `restore`."""
        return {}

    def restore(self, snapshot: Mapping[str, Array]) -> None:  # noqa: B027  # most circuits remember nothing
        """Remember what an earlier circuit of the same kind did at its `snapshot`."""

    def ports(self, inputs: Array) -> tuple[Ports, Array]:
        """A linear circuit's responses as programmed, and the weights (S, sources) of their source columns that make `inputs`.

        For rules, which check inputs (S, n_in) once.
        """
        raise NotImplementedError(f"{self.name} is not linear; measure it")

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
