"""Our drivers pass the contracts of their roles, on the virtual bench."""

import pytest
from speaking import SPEAKING
from test_virtual import CODES, network, station

from hwlearn import Drive, Inject
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import ResistorBox, Scanner, Source, SourceMeter, Wired
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract, SourceMeterContract
from hwlearn.testing.nodal import modified_nodal

MIDDLE = [32] * 6
OF = {
    role: [name for name in SPEAKING if issubclass(DRIVERS.get(name), role) and name != "scpi_board"]  # see test_board.py
    for role in (Source, Scanner, ResistorBox)
}
METERS = [name for name in OF[Source] if issubclass(DRIVERS.get(name), SourceMeter)]


class OnVirtualBench:
    """One instrument of a virtual bench whose source gives 1.25 V."""

    role = ""

    @pytest.fixture(autouse=True)
    def _bench(self, driver):
        given = {} if self.role == "pots" else {self.role: driver}
        with VirtualBench(network(), station(**given)) as self.virtual:
            self.virtual.model.set_source("dac:1", 1.25)
            self.driver = driver
            yield

    def make(self):
        return DRIVERS.get(self.driver)(Session(self.virtual.resources[self.role], name=self.role))


@pytest.mark.parametrize("driver", [name for name in OF[Source] if name not in METERS])
class TestSources(OnVirtualBench, SourceContract):
    role, wired = "dac", Wired(drive=("1", "2"))

    def true_volts(self, instrument, channel):
        return self.virtual.instruments["dac"].volts.get(channel, 0.0)


@pytest.mark.parametrize("driver", OF[Scanner])
class TestScanners(OnVirtualBench, ScannerContract):
    role, tolerance = "daq", 1e-9
    wired = Wired(read=("102", "101", "103"))

    def true_readings(self, instrument):
        read = modified_nodal(network(), CODES[MIDDLE], Drive([[1.25]], Inject([[0.0, 0.0]]))).node_voltages[0]
        nodes = network().node_index
        return {place.partition(":")[2]: read[nodes[node]] for place, node in self.virtual.model.wiring.nodes.items()}


@pytest.mark.parametrize("driver", OF[ResistorBox])
class TestResistorBoxes(OnVirtualBench, ResistorBoxContract):
    role, wired = "pots", Wired(set=tuple("012345"))

    def true_codes(self, instrument):
        made = self.virtual.model.conductances
        return None if made.max() < 1e-9 else [int(abs(CODES - g).argmin()) for g in made]


@pytest.mark.parametrize("driver", METERS)
class TestSourceMeters(OnVirtualBench, SourceMeterContract):
    role, wired, tolerance = "smu", Wired(nudge=("1",)), 1e-9

    def true_output(self, instrument, channel):
        volts, amperes, _ = self.virtual.model.read_meter("smu:1", self.virtual.instruments["smu"].channels["1"].drive())
        return volts, amperes
