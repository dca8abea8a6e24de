"""Driver of the Keysight DAQ970A."""

from hwlearn.lab.instruments.drivers.keysight_34970a import Keysight34970A


class KeysightDaq970A(Keysight34970A):
    """Keysight DAQ970A."""

    model = "Keysight DAQ970A"
    impedance = "VOLT:DC:IMP:AUTO"
