"""ngspice through PySpice, through a fork of it, and through our own loader: the same numbers, and `doctor` says which."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE

from hwlearn.errors import SimulationError
from hwlearn.spice import interface
from hwlearn.spice.interface import CHOICE, chosen

ROOT = Path(__file__).parents[2]

MEASURE = """
import json, sys
import numpy as np
from hwlearn import Drive, NgspiceCircuit
from hwlearn.errors import NetlistError, SimulationError
from hwlearn.network import Network
from hwlearn.network.builders import grid
from hwlearn.spice.interface import INTERFACE
from hwlearn.spice.session import session
from hwlearn.testing.nodal import modified_nodal

network = grid(3, 3, np.linspace(1e-3, 2e-3, 12), outputs=["n1_1"])
drive = Drive([[1.0, 0.0], [0.5, -0.2], [0.1, 0.3]])
with NgspiceCircuit(network) as circuit:
    first = circuit.measure(drive).node_voltages
    circuit.program(np.linspace(2e-3, 1e-3, 12))
    second = circuit.measure(drive).node_voltages
    provenance = circuit.provenance()
right = [modified_nodal(network, g, drive).node_voltages for g in (np.linspace(1e-3, 2e-3, 12), np.linspace(2e-3, 1e-3, 12))]
try:
    session().run(lambda shared: session().add(shared, object(), ["t", "r1 a 0 {nope}", "v1 a 0 1", ".end"]))
except SimulationError as error:
    refused = "nope" in str(error)
error = max(float(np.abs(got - want).max()) for got, want in zip((first, second), right))
print(json.dumps({"name": INTERFACE.name, "passed_over": INTERFACE.passed_over, "error": error, "refused": refused,
                  "version": provenance["version"], "solver": provenance["solver"]}))
"""

BROKEN = "import numpy\nraise TypeError('numpy.float is gone')\n"


def told(folder, code=MEASURE, arguments=(), **variables):
    """What a new Python prints that finds packages in a folder first."""
    path = os.pathsep.join([str(folder), str(ROOT), *filter(None, sys.path)])
    environment = {name: value for name, value in os.environ.items() if name != CHOICE} | {"PYTHONPATH": path} | variables
    command = [sys.executable, *(("-c", code) if code else ("-m", "hwlearn")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A folder where PySpice breaks, as an old package does in a new Python, and InSpice as well."""
    folder = tmp_path_factory.mktemp("broken")
    for name in ("PySpice", "InSpice"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(BROKEN, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """A folder where PySpice breaks, and a fork of it under InSpice's name does not."""
    found = importlib.util.find_spec("PySpice")
    if found is None or found.origin is None:
        pytest.skip("PySpice is not installed")
    folder = tmp_path_factory.mktemp("forked")
    shutil.copytree(Path(found.origin).parent, folder / "InSpice", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "InSpice").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace("from PySpice", "from InSpice").replace("import PySpice", "import InSpice"), encoding="utf-8"
        )
    (folder / "PySpice").mkdir()
    (folder / "PySpice" / "__init__.py").write_text(BROKEN, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return told(tmp_path_factory.mktemp("usual"))


def test_pyspice_is_the_first_choice(usual):
    if importlib.util.find_spec("PySpice") is None:
        pytest.skip("PySpice is not installed")
    assert usual["name"].startswith("PySpice ")
    assert usual["passed_over"] == {}
    assert usual["error"] < 1e-12
    assert usual["refused"]


@pytest.mark.parametrize(("packages", "name"), [("broken", "hwlearn's own"), ("forked", "InSpice")])
def test_where_pyspice_breaks_the_next_one_measures_the_same(packages, name, usual, request):
    got = told(request.getfixturevalue(packages))
    assert got["name"].startswith(name)
    assert got["passed_over"]["PySpice"] == "TypeError: numpy.float is gone"
    assert (got["version"], got["solver"]) == (usual["version"], usual["solver"])
    assert got["error"] < 1e-12
    assert got["refused"]


def test_doctor_says_which_and_why(broken):
    report = told(broken, "", ["doctor", "--json"])["ngspice"]
    assert report["ok"]
    assert report["interface"] == "hwlearn's own"
    assert set(report["passed_over"]) == {"PySpice", "InSpice"}


def test_a_choice_is_obeyed(tmp_path):
    assert told(tmp_path, **{CHOICE: "own"})["name"] == "hwlearn's own"


def breaks(_):
    raise ImportError("no more")


def test_a_choice_that_is_none_or_does_not_import_is_told(monkeypatch):
    with pytest.raises(
        SimulationError, match=r"HWLEARN_SPICE_INTERFACE is 'ltspice'; it must be one of PySpice, InSpice, own"
    ):
        chosen("ltspice")
    monkeypatch.setattr(interface, "_second", breaks)
    with pytest.raises(
        SimulationError, match="HWLEARN_SPICE_INTERFACE is PySpice, which does not import: ImportError: no more"
    ):
        chosen("PySpice")
