"""Members of the registries as another package has them: one file, nothing but public names."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pydantic import PositiveInt

from hwlearn import Circuit, Drive, EquilibriumPropagation, Inject, Loss
from hwlearn.circuits.backend import Backend
from hwlearn.circuits.imperfect import Effect
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.experiments import load_experiment
from hwlearn.testing.nodal import modified_nodal


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


class Limited(EquilibriumPropagation):
    """EP whose nudge is at most so many amperes at each output."""

    name = "limited"

    def __init__(
        self, most: float = 0.05, nudge: float | None = None, symmetric: bool = False, loss: Loss | None = None
    ) -> None:
        super().__init__(nudge, symmetric, loss)
        self.most = most

    def nudged(self, free, targets, nudge):
        return Inject(np.clip(super().nudged(free, targets, nudge).current, -self.most, self.most))


class Halves(Loss):
    """The squared error under another name, times a weight."""

    name = "halves"
    unit = "V²"

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def judge(self, outputs, targets):
        error = outputs - targets
        return self.weight * error, 0.5 * self.weight * float((error**2).sum()) / len(error)


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
    "hwlearn.rules": {"limited": "Limited"},
    "hwlearn.losses": {"halves": "Halves"},
    "hwlearn.circuits": {"dense": "DenseBackend", "broken": "NotThere"},
    "hwlearn.imperfections": {"gain": "Gain", "noise": "Gain"},
    "hwlearn.commands": {"count-edges": "count_edges", "several": "several", "broken": "NotThere", "train": "count_edges"},
}
"""Group → name → member of this module. Some are broken, or have the name of one of hwlearn's own."""
