"""`LinearCircuit`: a circuit that is known by its answers to unit drives."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers, LinearMeasurement
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Outputs, Pull
from hwlearn.circuits.measurement import Measurement


class LinearCircuit(Circuit):
    """A circuit whose `measure` is made from its answers to unit drives; another one is a `Circuit`.

    Its outputs, currents and drops are linear in the sources and in the currents into the outputs, exactly and without noise.
    Rules learn from the answers without measuring their phases, and only with circuits of this type. So that both ways see one
    circuit, `measure` and `_measure` are final. A backend writes `_answers`, `_program` and `_close`;
    `hwlearn.testing.LinearContract` tests it.
    """

    pulls = True

    @final
    def measure(self, drive: Drive) -> Measurement:
        return super().measure(drive)

    @final
    def answers(self, inputs: Array) -> tuple[Answers, Array]:
        """The answers as programmed, and the weights (S, count) of their source columns that make `inputs` (S, n_in).

        For rules. The inputs are not checked: they are those of a task that fits.

        Raises:
            SimulationError: the circuit is closed or cannot be solved.
        """
        if self._closed:
            self._check_open()
        return self._answers(inputs)

    @final
    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        answers, weights = self._answers(inputs)
        answers, weights = answers.whole(weights)
        answers.complete()
        if isinstance(outputs, Hold):
            assert imposed is not None
            imposed = answers.currents_to_hold(imposed - answers.open_outputs(weights))
        elif isinstance(outputs, Pull):
            assert imposed is not None
            imposed = answers.currents_to_hold(imposed - answers.open_outputs(weights), behind=1 / outputs.conductance)
        return LinearMeasurement(answers, weights, imposed, self._made_by())

    def _made_by(self) -> str:
        """The provenance of a measurement."""
        return self.name

    @abstractmethod
    def _answers(self, inputs: Array) -> tuple[Answers, Array]:
        """Answers at `self.conductances` to source columns that span `inputs` (S, n_in), and the weights (S, count) of these.

        Fixed sources are part of the columns: the weights make inputs and fixed sources together.
        """
