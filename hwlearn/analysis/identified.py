"""`IdentifiedCircuit`: a circuit that is told again and again what its edges really conduct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.analysis.jacobian import jacobian
from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Inject, Outputs
from hwlearn.circuits.ledger import Ledger
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.errors import HwlearnError
from hwlearn.inference.identify import identify
from hwlearn.inference.nodes import NodeCircuit
from hwlearn.learning.task import Task
from hwlearn.network import Network

FIRST, LATER = 0.3, 0.01
"""How far an edge is believed to be from its table, and to have gone since it was last identified: standard deviations of
ln g. Readings that say more decide."""
FINEST = 1e-9
"""No reading is better than this part of the largest."""


class IdentifiedCircuit(Circuit):
    """A circuit whose edges are identified at first and after each `every` updates: its remedy against devices that drift.

    `program` asks for what makes an edge conduct the wanted g, by what was last found: an edge that was found at f times what
    it was told is told g/f. So devices off their tables are set right, and what they have drifted by is taken back before it
    adds up. Under an update bias b training rests at e = Λ⁻¹Jb/α (`hwlearn.analysis.floors.bias_floor`); with this, e is a
    sawtooth of height `every` · Jb (`identified_floor`). `every` must be small beside 1/αλ of the modes that matter: later,
    learning has made up for the drift itself, and taking it back is one more error. `conductances` are those identified,
    after training too.

    It is no remedy for the readings: their noise, offsets and drift. What is hardly read is believed as before.

    Args:
        inside: the circuit, closed with this one.
        drive: what is driven to identify: open or injected, see `probe_drive`. It must see all trainable edges; what it cannot
            see is believed as before.
        every: programmings from one identification to the next.

    Raises:
        ModelError: the network is not linear.
    """

    pulls = True

    def __init__(self, inside: Circuit, drive: Drive, every: int) -> None:
        super().__init__(inside.network)
        if every < 1:
            raise HwlearnError(f"every is {every}; it must be 1 or more")
        self.inside, self.drive, self.every = inside, drive, int(every)
        self.name = f"identified {inside.name}"
        self._model = NodeCircuit(inside.network)
        self._factors = np.ones(len(inside.conductances))
        self._spread, self._updates, self._wanted = FIRST, 0, inside.conductances.copy()
        self.identify()

    @property
    def codes(self) -> NDArray[np.intp] | None:
        return self.inside.codes

    @property
    def ledger(self) -> Ledger | None:
        return self.inside.ledger

    @property
    def bounds(self) -> tuple[Array, Array]:
        lower, upper = self.inside.bounds
        return lower * self._factors, upper * self._factors

    def identify(self) -> None:
        """Measure, and believe what explains it."""
        read = self.inside.measure(self.drive)
        finest = FINEST * float(np.abs(read.node_voltages).max())
        noise = max(read.noise, finest) if np.isfinite(read.noise) else finest
        believed = self._factors * self.inside.conductances
        found = identify(self.network, believed, self.drive, read.node_voltages, noise, None, self._spread, self._model)
        self._spread = LATER
        self._factors = found.conductances / self.inside.conductances
        self._conductances = found.conductances
        self._conductances.setflags(write=False)

    def provenance(self) -> dict[str, Any]:
        return self.inside.provenance()

    def celsius(self) -> dict[str, float]:
        return self.inside.celsius()

    def snapshot(self) -> dict[str, Array]:
        own = {"factors": self._factors.copy(), "updates": np.array(float(self._updates)), "wanted": self._wanted.copy()}
        return own | {f"inside.{name}": value for name, value in self.inside.snapshot().items()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        if "factors" not in snapshot:
            raise HwlearnError(
                "the snapshot is that of a circuit that was not identified: start anew, or without identify_every"
            )
        self._factors, self._wanted = np.array(snapshot["factors"]), np.array(snapshot["wanted"])
        if not self._factors.shape == self._wanted.shape == (len(self.network.edges),):
            raise HwlearnError("the snapshot is that of a circuit with other edges: start anew")
        self._updates = int(snapshot["updates"])
        inner = {name.removeprefix("inside."): value for name, value in snapshot.items() if name.startswith("inside.")}
        self.inside.restore(inner)

    def _program(self, conductances: Array) -> Array:
        realised = self._tell(conductances)
        if not np.array_equal(conductances, self._wanted):
            self._wanted, self._updates = conductances, self._updates + 1
            if self._updates % self.every == 0:
                self.identify()
                realised = self._tell(conductances)
        return realised

    def _tell(self, wanted: Array) -> Array:
        told = np.clip(wanted / self._factors, *self.inside.bounds)
        return self._factors * self.inside.program(np.where(self.network.trainable, told, self.inside.conductances))

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        read = self.inside.measure(Drive(inputs, outputs))
        if isinstance(read, SampledMeasurement):
            return replace(read, conductances=self._conductances)
        return SampledMeasurement(
            self.network,
            self._conductances,
            read.node_voltages,
            read.output_voltages,
            read.output_currents,
            read.input_currents,
            read.noise,
            read.provenance,
        )

    def _close(self) -> None:
        self.inside.close()


def probe_drive(network: Network, task: Task, *, amperes: float = np.inf, repeats: int = 1) -> Drive:
    """What identifies the edges and stays within what the task does: each source alone, then a current into each output.

    Inputs are as large as in any sample; a current moves its output by half the largest target, or is `amperes` [A] if that is
    less. Currents fix the overall scale. Both ways, so that constant offsets of the readings cancel; `repeats` times.
    """
    at = jacobian(network, task)
    inputs, outputs = len(network.inputs), len(network.outputs)
    currents = np.minimum(0.5 * np.abs(task.targets).max() / np.diag(at.resistance), amperes)
    size = np.concatenate((np.abs(task.inputs).max(axis=0), currents))
    one_way = np.diag(size)[size > 0]
    rows = np.tile(np.concatenate((one_way, -one_way)), (repeats, 1))
    return Drive(rows[:, :inputs], Inject(rows[:, inputs : inputs + outputs]))
