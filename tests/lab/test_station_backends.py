"""Backends of PyVISA that a station file names: those that load code are for files that are trusted."""

import pytest

from hwlearn.errors import StationError
from hwlearn.lab.bench.connection import look_at
from hwlearn.lab.station import load_station

SIMULATED = """
spec: "1.1"
devices:
  zephyr:
    eom: { TCPIP INSTR: { q: "\\n", r: "\\n" } }
    error: ERROR
    dialogues: [{ q: "*IDN?", r: "ZEPHYR,GEN,7,1.0" }]
resources:
  TCPIP::zephyr::INSTR: { device: zephyr }
"""

DRIVER = """
import pyvisa
from hwlearn.lab.instruments.found import Noted
from hwlearn.lab.instruments.roles import Source


class Dac(Source):
    address = "VISA resource"

    @classmethod
    def connect(cls, setup):
        made = cls(setup.name)
        handle = pyvisa.ResourceManager(setup.backend).open_resource(setup.resource)
        handle.read_termination = handle.write_termination = "\\n"
        made.identity = handle.query("*IDN?")
        return made

    identity = ""

    def look(self, wired):
        return [Noted(self.identity)]

    def set(self, volts):
        return volts
"""


def test_a_backend_of_pyvisa_that_loads_a_file_beside_the_station_needs_trust(tmp_path, monkeypatch):
    """Here pyvisa-sim's; a vendor's library is named alike."""
    pytest.importorskip("pyvisa_sim", reason="pyvisa-sim is not installed")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "lab.yaml").write_text(SIMULATED, encoding="utf-8")
    (tmp_path / "lab" / "zephyr_dac.py").write_text(DRIVER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "lab" / "station.toml"
    head = 'schema = 1\nname = "z"\n[defaults]\nbackend = "lab.yaml@sim"\n'
    instrument = '[instrument.dac]\ndriver = "zephyr_dac:Dac"\nresource = "TCPIP::zephyr::INSTR"\n'
    rest = '[node.A]\nread = "estimate"\n[edge.R1]\nfixed_ohm = 1e3\n[limits]\nv_node_max = 1\nv_compliance = 1\n'
    file.write_text(f'{head}{instrument}[input.V_A]\ndrive = "dac:1"\n{rest}', encoding="utf-8")
    with pytest.raises(StationError, match=r"defaults.backend: 'lab.yaml@sim' loads code of its own; .*--trust-station"):
        load_station(file)
    ((name, found),) = look_at(load_station(file, trust=True))
    assert (name, [str(noted) for noted in found]) == ("dac", ["ZEPHYR,GEN,7,1.0"])
