"""A virtual bench that is built from one station file and netlist, and driven by a station file that may say otherwise."""

import asyncio
from contextlib import contextmanager
from pathlib import Path

from processes import PATIENCE

from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.network import Network

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "netlists" / "allostery-bench.toml"
STATION = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
NETLIST = (ROOT / "netlists" / "allostery-bench.cir").read_text(encoding="utf-8")
NETWORK = load_experiment(EXPERIMENT).network
ELSEWHERE = [
    ("[instrument.pots]", '[instrument.other]\ndriver = "keithley_2450"\n\n[instrument.pots]'),
    ('nudge = "smu:1"', 'nudge = "other:1"'),
]
"""The source meter's leads are at no node, and another one's are at its."""


def changed(text, *changes):
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    return text


@contextmanager
def bench(folder, *, netlist=(), virtual=(), station=(), network=NETWORK):
    """The circuit of the station file, on a virtual bench that is wired as `netlist` and `virtual` change it."""
    (folder / "wired.cir").write_text(changed(NETLIST, *netlist), encoding="utf-8")
    wired = Network.from_netlist(folder / "wired.cir", inputs=["VS"], outputs=network.outputs)
    (folder / "virtual.toml").write_text(changed(STATION, *virtual), encoding="utf-8")
    with VirtualBench(wired, load_station(folder / "virtual.toml")) as made:
        text = changed(STATION, *station, ('backend = "virtual"', 'backend = "@py"'))
        for name, resource in made.resources.items():
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
        (folder / "station.toml").write_text(text, encoding="utf-8")
        with BenchCircuit(network, folder / "station.toml", verify=False) as circuit:
            circuit.made = made
            yield circuit


class Clock:
    """The clock by which the instruments of a virtual bench count their watchdogs: a test lets it go ahead.

    Watchdogs of minutes are then tried in no time, and none opens because a machine is slow.
    """

    def __init__(self, virtual):
        self._loop, self._ahead = virtual._loop, 0.0
        real = self._loop.time
        self._loop.time = lambda: real() + self._ahead

    def skip(self, seconds):
        """So many seconds pass at once; what was due in them is done."""
        self._ahead += seconds
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(PATIENCE)
