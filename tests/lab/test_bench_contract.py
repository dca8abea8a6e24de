"""The bench passes the contract of a circuit, over real sockets, with a fine code table and no other imperfection."""

import numpy as np
import pytest

from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.testing.resistors import ResistorContract

STEP = np.log(1e3) / 2**14
"""Relative step of the code table."""

ROWS = "code,ohm\n" + "".join(f"{code},{ohm!r}\n" for code, ohm in enumerate(np.geomspace(10, 1e4, 2**14).tolist()))
HEAD = """
schema = 1
name = "contract"
defaults = { backend = "virtual" }
instrument = { daq = { driver = "keysight_daq970a" }, dac = { driver = "qdac2" }, smu = { driver = "keysight_b2900" }, \
pots = { driver = "scpi_resistors" } }
limits = { v_node_max = 10, i_nudge_max = 10, v_compliance = 1e3, i_compliance = 100, p_edge_max = 1e9 }
measure = { range_v = 300, max_abs_v = 250, settle_s = 0, repeats = 2 }
safe = { order = ["smu", "dac", "pots"] }
virtual = { dac_span_v = 20 }
table = { fine = { file = "fine.csv" } }
"""


def station_of(network, folder):
    """A station file for any network: every source, node, edge and output has a channel."""
    (folder / "fine.csv").write_text(ROWS, encoding="utf-8")
    lines, channel = [HEAD], iter(range(1, 1000))
    for table, sources in (("input", network.inputs), ("source", network.fixed_sources)):
        for source in sources:
            instrument = "dac" if source.kind == "voltage" else "smu"
            lines.append(f'[{table}."{source.name}"]\ndrive = "{instrument}:{next(channel)}"')
    lines += [f'[node."{name}"]\nread = "daq:{next(channel)}"' for name in network.nodes if name != "0"]
    lines += [f'[output."{name}"]\nnudge = "smu:{next(channel)}"' for name in network.output_names]
    lines += [f'[edge."{name}"]\nset = "pots:{k}"\ntable = "fine"' for k, name in enumerate(network.edge_names)]
    path = folder / "station.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_station(path)


class TestBenchContract(ResistorContract):
    tolerance = 3 * STEP
    realised = STEP
    pulls = False  # source meters alone

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make(self, network):
        return BenchCircuit(network, station_of(network, self.folder))
