"""hwlearn's copy of the library is the installed one but for the start-up files: it knows every parameter of every device."""

import re
import subprocess
import sys

import numpy as np
import pytest
from netlist_text import load
from processes import PATIENCE

from hwlearn import Drive, NgspiceCircuit
from hwlearn.spice.private import _NEVER_THERE

BIPOLAR = """* currents of a transistor with Early effect and ohmic emitter and collector
V1 c 0 3
I1 0 b 117u
Q1 c b 0 qm
R1 c 0 1k
.model qm npn(vaf=90 re=0.5 rc=2.68)
.end
"""


def test_the_collector_resistance_of_a_transistor(tmp_path, monkeypatch):
    """Gummel and Poon's laws by fixed-point iteration, with ngspice's defaults IS = 1e-16 A, BF = 100."""
    monkeypatch.chdir(tmp_path)
    thermal, base, collector = 1.380649e-23 * 300.15 / 1.602176634e-19, 117e-6, 0.0
    inner = thermal * np.log(1 + base * 100 / 1e-16)  # base to emitter, and the reverse junction draws 1e-16 A
    for _ in range(100):
        outer = inner + 0.5 * (base + collector)
        reverse = outer - (3 - 2.68 * collector)
        collector = 1e-16 * np.expm1(inner / thermal) * (1 - reverse / 90)
    with NgspiceCircuit(load(BIPOLAR), processes=1) as circuit:
        found = dict(
            zip(circuit.network.nodes, circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0].tolist(), strict=True)
        )
    assert found["b"] == pytest.approx(outer, abs=3e-7)


PARAMETERS = """
import sys
from hwlearn.spice.session import session

def ask(shared):
    shared.command("devhelp")
    devices = [line.split()[0] for line in shared.messages[0] if ":" in line and not line.startswith("Devices")]
    told = []
    for device in devices:
        shared.forget()
        shared.command(f"devhelp {device}")
        told += [device, *shared.messages[0]]
    return told

print("\\n".join(session().run(ask)))
"""


def test_no_text_that_others_may_share_is_changed():
    for old, new in _NEVER_THERE.items():
        assert len(old) == len(new)
        assert old[-3:] == new[-3:]  # `.rc`, `nit`: what stands before is nobody's end


def test_every_parameter_of_every_device_has_a_name():
    done = subprocess.run([sys.executable, "-c", PARAMETERS], capture_output=True, text=True, check=True, timeout=PATIENCE)
    names = [words[1].strip() for line in done.stdout.splitlines() if (words := line.split("\t"))[0].isdigit()]
    assert len(names) > 1000
    assert "rc" in names
    assert [name for name in names if not re.fullmatch(r"[A-Za-z].*?[^/]|[A-Za-z]", name)] == []
