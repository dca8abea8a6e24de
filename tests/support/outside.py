"""Members of the registries as another package has them: one file, nothing but public names."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pydantic import PositiveInt

from hwlearn import Circuit, Drive
from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import SampledMeasurement
from hwlearn.circuits.imperfect import Effect
from hwlearn.experiments import load_experiment
from hwlearn.testing.circuits import modified_nodal


class DenseCircuit(Circuit):
    """Modified nodal analysis, dense; conductances have a few digits."""

    name = "dense"

    def __init__(self, network, digits=15):
        super().__init__(network)
        self.digits = digits

    def _program(self, conductances):
        decades = 10.0 ** (self.digits - 1 - np.floor(np.log10(conductances)))
        return np.round(conductances * decades) / decades

    def _measure(self, inputs, outputs, imposed):
        found = modified_nodal(self.network, self.conductances, Drive(inputs, outputs))
        answers = (found.node_voltages, found.output_voltages, found.output_currents, found.input_currents)
        return SampledMeasurement(self.network, self.conductances, *answers, provenance=self.name)

    def _close(self):
        pass


class DenseBackend(Backend):
    """`DenseCircuit`."""

    digits: PositiveInt = 15

    def circuit(self, network, folder, *, verify=True):
        return DenseCircuit(network, self.digits)


class Gain(Effect):
    """Readings are too large by a part."""

    def __init__(self, part: float = 0.0) -> None:
        self.part = part

    def read(self, voltages, random):
        return voltages * (1 + self.part)


def count_edges(file: Annotated[Path, typer.Argument(help="Experiment file.")]) -> None:
    """Count the edges of an experiment's circuit."""
    print(len(load_experiment(file).network.edges))


several = typer.Typer(help="Two commands of another package.")


@several.command("one")
def _one() -> None:
    """Say one."""
    print("one")


@several.command("two")
def _two() -> None:
    """Say two."""
    print("two")


POINTS = {
    "hwlearn.circuits": {"dense": "DenseBackend", "broken": "NotThere"},
    "hwlearn.imperfections": {"gain": "Gain", "noise": "Gain"},
    "hwlearn.commands": {"count-edges": "count_edges", "several": "several", "broken": "NotThere", "train": "count_edges"},
}
"""Group → name → member of this module. Some are broken, or have the name of one of hwlearn's own."""
