"""`Measured`: a circuit of which nothing is known but what is measured."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Outputs
from hwlearn.circuits.measurement import Measurement, SampledMeasurement


class Measured(Circuit):
    """Another circuit, sample by sample, so that rules run their phases on it whatever its type.

    Args:
        inside: is closed with this one.
    """

    pulls = True

    def __init__(self, inside: Circuit) -> None:
        super().__init__(inside.network)
        self.inside = inside
        self.name = f"measured {inside.name}"
        self._conductances = inside.conductances

    def _program(self, conductances: Array) -> Array:
        return self.inside.program(conductances)

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        got = self.inside.measure(Drive(inputs, outputs))
        return SampledMeasurement(
            self.network,
            self.conductances,
            got.node_voltages,
            got.output_voltages,
            got.output_currents,
            got.input_currents,
            got.noise,
            got.provenance,
        )

    def _close(self) -> None:
        self.inside.close()
