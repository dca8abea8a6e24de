"""`hwlearn export`: each format is read again by another reader and says the same."""

import csv
import json
import shutil
import sys
from pathlib import Path

import networkx
import numpy as np
import pytest
import xarray
from scipy.io import netcdf_file
from typer.testing import CliRunner

from hwlearn import Drive, ExactCircuit, Network, NgspiceCircuit, Source
from hwlearn.cli import app
from hwlearn.errors import HwlearnError, RegistryError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run, export, to_csv, to_dataset, to_netlist

NETLISTS = Path(__file__).parents[2] / "netlists"
NAMES = ("kite", "regression", "ladder", "allostery")  # one sample; many and a fixed source; odd names; a difference


@pytest.fixture(scope="module", params=NAMES)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / request.param
    made = Run.create(folder, load_experiment(NETLISTS / f"{request.param}.toml", {"train.steps": 30}))
    made.go()
    return made


@pytest.fixture(scope="module")
def kite(tmp_path_factory):
    made = Run.create(tmp_path_factory.mktemp("run") / "kite", load_experiment(NETLISTS / "kite.toml", {"train.steps": 30}))
    made.go()
    return made


def result(run):
    return json.loads((run.folder / "result.json").read_text(encoding="utf-8"))


def steps(run):
    lines = (run.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if "step" in line]


def test_ngspice_gets_the_outputs_of_the_run_from_the_netlist(run, tmp_path):
    path = export(run, "netlist", tmp_path / "trained.cir")
    network, task = run.experiment.network, run.experiment.task
    read = Network.from_netlist(path, inputs=network.input_names, outputs=network.output_names)
    first = [source.value for source in read.inputs]
    np.testing.assert_allclose(first, task.inputs[0])
    with NgspiceCircuit(read) as circuit:
        outputs = circuit.measure(Drive(task.inputs)).output_voltages
        np.testing.assert_allclose(outputs, result(run)["outputs"], rtol=1e-9, atol=1e-12)
        alone = circuit.measure(Drive([first])).output_voltages
        np.testing.assert_allclose(alone, result(run)["outputs"][:1], rtol=1e-9, atol=1e-12)
    assert path.read_text() == (run.folder / "trained.cir").read_text()


def test_netcdf_is_read_by_scipy_and_by_xarray(run, tmp_path):
    path = export(run, "netcdf", tmp_path / "run.nc")
    with netcdf_file(path, mmap=False) as file:
        loss, conductance, unit = file.variables["loss"], file.variables["conductance"], file.variables["loss"].units
        np.testing.assert_array_equal(loss[:], [line["loss"] for line in steps(run)])
        np.testing.assert_array_equal(conductance[:], list(result(run)["conductances"].values()))
        assert unit.decode() == ("A2" if result(run)["rule"] == "al" else "V2")
        assert conductance.units == b"S"
    with xarray.open_dataset(path, engine="scipy") as dataset:
        xarray.testing.assert_allclose(dataset, to_dataset(run))
        np.testing.assert_array_equal(dataset.outputs, result(run)["outputs"])
        assert dataset.conductance.sel(edge=run.network.edge_names[1]) == run.network.conductances[1]
        assert [str(name) for name in dataset.output.values] == result(run)["output_names"]
        assert {name: dataset[name].units for name in ("outputs", "targets", "noise", "time")} == {
            "outputs": "V",
            "targets": "V",
            "noise": "V",
            "time": "s",
        }
        assert json.loads(dataset.settings)["train.steps"] == 30


def test_csv_is_the_journal(run):
    rows = list(csv.reader(to_csv(run).splitlines()))
    unit = "A2" if result(run)["rule"] == "al" else "V2"
    assert rows[0] == ["step", f"loss [{unit}]", "rate", "clipped", "noise [V]", "time [s]"]
    names = ("step", "loss", "rate", "clipped", "noise", "time")
    read = [[None if text == "" else float(text) for text in row] for row in rows[1:]]
    assert read == [[line[name] for name in names] for line in steps(run)]
    assert len(read) == 31


def test_the_graph_is_the_network_again(run, tmp_path):
    path = export(run, "networkx", tmp_path / "network.json")
    graph = networkx.node_link_graph(json.loads(path.read_text(encoding="utf-8")), edges="edges")
    inputs = [Source(name, *ends) for name, ends in graph.graph["inputs"].items()]
    fixed = [Source(name, *ends) for name, ends in graph.graph["fixed_sources"].items()]
    network = Network.from_networkx(graph, inputs=inputs, outputs=graph.graph["outputs"], fixed_sources=fixed)
    with ExactCircuit(network) as circuit:
        outputs = circuit.measure(Drive(run.experiment.task.inputs)).output_voltages
    np.testing.assert_allclose(outputs, result(run)["outputs"], rtol=1e-12, atol=1e-13)
    assert {
        name: g for *_, name, g in ((*e[:2], e[2]["name"], e[2]["conductance"]) for e in graph.edges(data=True))
    } == result(run)["conductances"]


def test_a_run_that_was_killed_is_exported_as_far_as_it_came(kite, tmp_path):
    shutil.copytree(kite.folder, tmp_path / "dead")
    (tmp_path / "dead" / "result.json").unlink()
    run = Run.load(tmp_path / "dead")
    dataset = to_dataset(run)
    assert "outputs" not in dataset
    assert dataset.state == "killed"
    np.testing.assert_array_equal(dataset.conductance, list(result(kite)["conductances"].values()))
    assert to_netlist(run) == to_netlist(kite)


def test_the_command_writes_into_the_run_folder_or_where_it_is_told(kite, tmp_path):
    def command(*arguments):
        return CliRunner().invoke(app, ["export", *map(str, arguments)])

    for to, name in (("netcdf", "run.nc"), ("csv", "journal.csv"), ("netlist", "trained.cir"), ("networkx", "network.json")):
        done = command(kite.folder, "--to", to)
        assert done.exit_code == 0
        assert f"written to {kite.folder / name}" in done.stderr
        assert (kite.folder / name).stat().st_size > 100
        refused = command(kite.folder, "--to", to, "--out", tmp_path / "no" / name)
        assert refused.exit_code == 2
        assert f"error: {tmp_path / 'no' / name}: No such file or directory" in refused.stderr
    assert command(kite.folder, "--to", "matlab").exit_code == 2
    with pytest.raises(RegistryError, match="there are csv, netcdf, netlist, networkx"):
        export(kite, "matlab")


def test_without_xarray_netcdf_says_what_to_install(kite, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(HwlearnError, match=r"pip install xarray"):
        to_dataset(kite)
