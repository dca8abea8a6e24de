"""`Drive`: what is done to a circuit, at its inputs and its output ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import FLOAT, Array
from hwlearn.circuits.linalg import is_finite
from hwlearn.errors import DriveError, NetworkError
from hwlearn.network import Network
from hwlearn.network.arguments import unmasked


def samples(values: ArrayLike, what: str) -> Array:
    """`values` as a finite (S, n) array; one sample may come without its S.

    Raises:
        DriveError: not a number, masked, or more than two dimensions.
    """
    if type(values) is np.ndarray and values.dtype == FLOAT and values.ndim == 2 and is_finite(values):
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
        """`current`."""
        return self.current

    def imposing(self, current: Array) -> Inject:
        """The same with other currents."""
        return Inject(current)


@dataclass(frozen=True, eq=False, init=False)
class Hold:
    """Each output port held at a voltage, (S, n_out) [V]; the currents that this takes are observed."""

    voltage: Array

    def __init__(self, voltage: ArrayLike) -> None:
        object.__setattr__(self, "voltage", samples(voltage, "held voltages"))

    @property
    def imposed(self) -> Array:
        """`voltage`."""
        return self.voltage

    def imposing(self, voltage: Array) -> Hold:
        """The same with other voltages."""
        return Hold(voltage)


@dataclass(frozen=True, eq=False, init=False)
class Pull:
    """Each output port pulled towards a voltage, (S, n_out) [V], by a resistor; β (voltage − o) flows into the circuit.

    Args:
        voltage: at the far end of the resistor, against the port's minus node.
        conductance: β of each resistor [S].

    Raises:
        DriveError: no positive conductance.
    """

    voltage: Array
    conductance: float

    def __init__(self, voltage: ArrayLike, conductance: float) -> None:
        if not (np.isfinite(conductance) and conductance > 0):
            raise DriveError(f"a resistor of {conductance} S pulls nothing; its conductance must be positive")
        object.__setattr__(self, "voltage", samples(voltage, "voltages behind resistors"))
        object.__setattr__(self, "conductance", float(conductance))

    @property
    def imposed(self) -> Array:
        """`voltage`."""
        return self.voltage

    def imposing(self, voltage: Array) -> Pull:
        """The same with other voltages."""
        return Pull(voltage, self.conductance)


Outputs = Open | Inject | Hold | Pull

_OPEN = Open()


@dataclass(frozen=True, eq=False, init=False)
class Drive:
    """What is done to a circuit, S samples at once.

    Args:
        inputs: (S, n_in), volts for voltage inputs and amperes for current inputs.
        outputs: `Open()`, `Inject(current)`, `Hold(voltage)` or `Pull(voltage, conductance)`; one row may stand for all.

    Raises:
        DriveError: not finite, no samples, or `outputs` of another kind.
    """

    inputs: Array
    outputs: Outputs

    def __init__(self, inputs: ArrayLike, outputs: Outputs = _OPEN) -> None:
        object.__setattr__(self, "inputs", samples(inputs, "inputs"))
        object.__setattr__(self, "outputs", outputs)
        if not isinstance(outputs, Outputs):
            raise DriveError(
                f"outputs are {outputs!r}; give Open(), Inject(current), Hold(voltage) or Pull(voltage, conductance)"
            )
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
