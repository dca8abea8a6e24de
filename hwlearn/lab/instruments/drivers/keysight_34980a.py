"""Driver of the Keysight 34980A."""

from hwlearn.lab.instruments.drivers.keysight_34970a import Keysight34970A


class Keysight34980A(Keysight34970A):
    """Keysight 34980A."""

    model = "Keysight 34980A"
    impedance = "VOLT:IMP:AUTO"
