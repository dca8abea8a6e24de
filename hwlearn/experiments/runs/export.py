"""A run in the formats of other programs: xarray and NetCDF, CSV, netlist, networkx."""

from __future__ import annotations

import csv
import io
import json
import math
from abc import ABC, abstractmethod
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hwlearn import files
from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.exact import ExactCircuit
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments.files import write_json, write_text
from hwlearn.experiments.runs.trajectory import MOST_OUTPUTS
from hwlearn.learning.trajectory import Trajectory
from hwlearn.network import Network
from hwlearn.registry import Registry

if TYPE_CHECKING:
    import networkx
    import xarray

    from hwlearn.experiments.runs.run import Run


def to_dataset(run: Run) -> xarray.Dataset:
    """The whole run: journal, conductances, task and outputs, each with its unit in the attribute "units".

    Dimensions: step (or t, of a flow), edge, sample, input, output; kept, the steps (times) of the trajectory. Attributes:
    the journal's events and the settings as JSON.

    Raises:
        ExperimentError: see `Run.experiment`.
        HwlearnError: xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise HwlearnError("NetCDF needs xarray: pip install xarray") from None
    experiment, network, at = run.experiment, run.network, _at(run)
    untrained, task = experiment.network, experiment.task
    variables = {
        **{name: (at, values, {"units": unit}) for name, unit, values in _columns(run)[1:]},
        "conductance": ("edge", network.conductances, {"units": "S"}),
        "conductance_untrained": ("edge", untrained.conductances, {"units": "S"}),
        "trainable": ("edge", network.trainable),
        "inputs": (("sample", "input"), task.inputs, {"comment": "in the unit of each input"}),
        "targets": (("sample", "output"), task.targets, {"units": "V"}),
    }
    for what, settings in network.settings.items():
        values = [settings.get(name, math.nan) for name in network.edge_names]
        variables[what.key] = ("edge", values, {"units": what.unit})
    if run.outputs is not None:
        variables["outputs"] = (("sample", "output"), run.outputs, {"units": "V"})
    along = run.trajectory_of(network)
    if along is not None:
        variables["conductance_along"] = (("kept", "edge"), along.conductances, {"units": "S"})
        if along.codes is not None:
            variables["code_along"] = (("kept", "edge"), along.codes, {"comment": "-1 where there is none"})
        if (found := outputs_along(run, along)) is not None:
            outputs, source = found
            variables["output_along"] = (("kept", "sample", "output"), outputs, {"units": "V", "source": source})
    coordinates = {
        **({} if along is None else {"kept": ("kept", along.at, {"units": "1", "comment": at})}),
        at: (at, run.history.at, {"units": "1"}),
        "edge": list(network.edge_names),
        "tail": ("edge", [edge.tail for edge in network.edges]),
        "head": ("edge", [edge.head for edge in network.edges]),
        "sample": np.arange(len(task)),
        "input": list(network.input_names),
        "input_unit": ("input", [source.unit for source in network.inputs]),
        "output": list(network.output_names),
    }
    about = {
        "title": run.info["title"],
        "rule": run.settings["rule.name"],
        "backend": run.settings["backend.name"],
        "state": run.state,
        "date": run.info["date"],
        "source": f"hwlearn {run.info['versions']['hwlearn']}",
        "settings": json.dumps(run.settings, ensure_ascii=False),
        "events": json.dumps(run.history.events, ensure_ascii=False),
    }
    return xarray.Dataset(variables, coordinates, about)


def to_csv(run: Run) -> str:
    """The journal's steps, one a line, below a header with units; empty where a number is unknown."""
    columns = _columns(run)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([f"{name} [{unit}]" if unit != "1" else name for name, unit, _ in columns])
    for row in zip(*(values for *_, values in columns), strict=True):
        table.writerow(["" if isinstance(value, float) and math.isnan(value) else value for value in row])
    return text.getvalue()


def to_netlist(run: Run) -> str:
    """The netlist with the conductances that the run has reached, driven by the first sample; ngspice runs it.

    Raises:
        ExperimentError: see `Run.experiment`.
    """
    return driven(run.network, run.experiment.task.inputs[0]).to_netlist()


def to_networkx(run: Run) -> networkx.MultiDiGraph[str]:
    """A graph whose edges, tail to head, carry "name", "conductance" [S] and "trainable": `Network.from_networkx` reads it.

    Raises:
        ExperimentError: see `Run.experiment`.
    """
    import networkx

    network = run.network
    graph = networkx.MultiDiGraph(
        title=network.title,
        inputs={source.name: [source.kind, source.plus, source.minus] for source in network.inputs},
        outputs=list(network.output_names),
        fixed_sources={s.name: [s.kind, s.plus, s.minus, s.value] for s in network.fixed_sources},
        other_elements=[element.card for element in network.elements],
    )
    graph.add_nodes_from(network.nodes)
    settings = network.settings
    rows = zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
    for edge, conductance, trainable in rows:
        set_to = {what.key: values[edge.name] for what, values in settings.items() if edge.name in values}
        graph.add_edge(edge.tail, edge.head, name=edge.name, conductance=conductance, trainable=trainable, **set_to)
    return graph


def outputs_along(run: Run, along: Trajectory) -> tuple[Array, str] | None:
    """Outputs (K, S, n_out) V along a run, as they were read or else by the exact model, and which of the two.

    None where neither tells them: of imperfect and of nonlinear circuits, and of more than `MOST_OUTPUTS` outputs.
    """
    experiment, network = run.experiment, run.network
    if along.outputs is not None and along.outputs.shape[1:] == experiment.task.targets.shape:
        return along.outputs, "read in free phases"
    if not network.linear or experiment.settings.imperfect is not None or experiment.task.targets.size > MOST_OUTPUTS:
        return None
    drive, found = Drive(experiment.task.inputs), list[Array]()
    with ExactCircuit(network) as circuit:
        for conductances in along.conductances:
            circuit.program(conductances)
            found.append(circuit.measure(drive).output_voltages)
    return np.array(found), "exact model of the conductances kept"


def driven(network: Network, inputs: Array) -> Network:
    """The network with its inputs at the values (n_in,) of a sample."""
    sources = zip(network.inputs, inputs.tolist(), strict=True)
    return replace(network, inputs=tuple(replace(source, value=value) for source, value in sources))


class Export(ABC):
    """A format of other programs. Found by the name of its entry point in the group `hwlearn.exports`.

    Attributes:
        file: name of the file in the run folder.
    """

    file: ClassVar[str]

    @abstractmethod
    def write(self, run: Run, path: Path) -> None:
        """Write a run, running or not, to a file.

        Raises:
            ExperimentError: it cannot be written; see `Run.experiment`.
        """


class NetCDF(Export):
    """NetCDF 3 (64-bit offset), which scipy writes and every NetCDF library reads."""

    file = "run.nc"

    def write(self, run: Run, path: Path) -> None:
        dataset = to_dataset(run)
        try:
            files.replace(path, bytes(dataset.to_netcdf(engine="scipy")))
        except OSError as error:
            raise ExperimentError(f"{path}: {error.strerror}") from None


class CSV(Export):
    """`to_csv`."""

    file = "journal.csv"

    def write(self, run: Run, path: Path) -> None:
        write_text(path, to_csv(run))


class Netlist(Export):
    """`to_netlist`."""

    file = "trained.cir"

    def write(self, run: Run, path: Path) -> None:
        write_text(path, to_netlist(run))


class NetworkX(Export):
    """Node-link JSON of `to_networkx`, see `networkx.node_link_data`."""

    file = "network.json"

    def write(self, run: Run, path: Path) -> None:
        import networkx

        write_json(path, networkx.node_link_data(to_networkx(run), edges="edges"))


EXPORTS: Registry[Export] = Registry("format", Export, "exports")
"""The formats by the names of `hwlearn export --to`."""


def export(run: Run, to: str, path: str | PathLike[str] | None = None) -> Path:
    """Write a run in a format of other programs.

    Args:
        run: running or not.
        to: a name of `EXPORTS`.
        path: of the file; in the run folder if not given.

    Returns:
        The file.

    Raises:
        RegistryError: unknown format.
        ExperimentError: it cannot be written; see `Run.experiment`.
    """
    kind = EXPORTS.get(to)
    file = run.folder / kind.file if path is None else Path(path)
    kind().write(run, file)
    return file


def _at(run: Run) -> str:
    return "t" if run.continuous else "step"


def _columns(run: Run) -> list[tuple[str, str, list[Any]]]:
    """Name, unit and values of the journal's columns; "V2" is V²."""
    history, unit = run.history, run.loss_unit.replace("²", "2")
    names = dict.fromkeys(name for celsius in history.celsius for name in celsius)
    warm = [(f"celsius_{name}", "degC", [celsius.get(name, math.nan) for celsius in history.celsius]) for name in names]
    return [
        (_at(run), "1", history.at),
        ("loss", unit, history.losses),
        ("rate", "1", history.rates),
        ("clipped", "1", history.clipped),
        ("noise", "V", history.noise),
        ("time", "s", history.seconds),
        *warm,
    ]
