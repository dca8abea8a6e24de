"""What ngspice's models write down for themselves does not land where the user works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a working directory for each thread")

NETLIST = """title
V1 a 0 1
R1 a b 1k
M1 b a 0 0 old W=1u L=1u
M2 b a 0 0 new W=1u L=1u
.model old nmos level=8 version=3.3.0
.model new nmos level=14
"""
CODE = """
import os, sys
from hwlearn import Drive, Network
from hwlearn.circuits.ngspice import NgspiceCircuit
for processes in (1, 2):
    with NgspiceCircuit(Network.from_netlist("n.cir", inputs=["V1"], outputs=["b"]), processes) as circuit:
        print(*circuit.measure(Drive([[1.0], [0.5]])).output_voltages[:, 0])
print(os.getcwd())
"""


def test_log_files_of_models_do_not_land_in_the_working_directory(tmp_path):
    (tmp_path / "n.cir").write_text(NETLIST)
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=PATIENCE
    )
    *_, place = done.stdout.splitlines()
    assert place == str(tmp_path)
    assert os.listdir(tmp_path) == ["n.cir"]


def test_a_trusted_netlist_still_finds_files_beside_the_user(tmp_path):
    (tmp_path / "n.cir").write_text("title\nV1 a 0 1\nR1 a 0 1k\n.control\nshell touch proof\n.endc\n")
    code = "from hwlearn import Network; Network.from_netlist('n.cir', trust=True)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=PATIENCE)
    assert Path(tmp_path / "proof").exists()
