"""`machine` of MicroPython, as much of it as the firmware uses, with simulated chips on its pins and buses.

Runs under CPython and MicroPython. `wired` says what is on which pin, `addressed` at which address; `log` has what went
over the buses.
"""

wired = {}
"""Select pin → SPI chip."""
addressed = {}
"""(bus, address) of I²C → chip."""
log = []
fed = []
"""Functions that are called when the hardware's watchdog is fed."""
MODES = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}


class Pin:
    OUT, IN, PULL_UP = 1, 0, 2
    made = {}

    def __init__(self, number, mode=0, pull=0, value=1):
        self.number, self._value, self._watchers = number, value, []
        Pin.made[number] = self

    def watch(self, watcher):
        self._watchers.append(watcher)

    def value(self, new=None):
        if new is None:
            return self._value
        before, self._value = self._value, new
        chip = wired.get(self.number)
        if chip is not None and before != new:
            if new:
                chip.end()
            else:
                chip.begin()
        if before != new:
            for watcher in self._watchers:
                watcher(before, new)
        return None


class SPI:
    def __init__(self, number=0, sck=None, mosi=None, miso=None):
        self.mode = None

    def init(self, baudrate, polarity, phase):
        if any(not Pin.made[number].value() for number in wired if number in Pin.made):
            raise ValueError("the clock moves while a chip is selected")
        self.mode = MODES[(polarity, phase)]

    def write_readinto(self, sent, answer):
        selected = [number for number in wired if number in Pin.made and not Pin.made[number].value()]
        if len(selected) != 1:
            raise ValueError(f"{len(selected)} chips are selected")
        chip = wired[selected[0]]
        if self.mode not in chip.modes:
            raise ValueError(f"SPI mode {self.mode} for a chip of {chip.modes}")
        held = any(getattr(other, "pulls", False) for other in wired.values() if other is not chip)
        for k, byte in enumerate(sent):
            told = chip.byte(byte)
            answer[k] = 0 if held else told
        log.append((selected[0], bytes(sent), bytes(answer)))


class I2C:
    def __init__(self, number=0, sda=None, scl=None, freq=400000):
        self.number = number

    def chip(self, address):
        if (self.number, address) not in addressed:
            raise OSError(5)
        return addressed[(self.number, address)]

    def writeto(self, address, data):
        self.chip(address).write(bytes(data))
        log.append((address, bytes(data), b""))

    def readfrom(self, address, count):
        answer = self.chip(address).read(count)
        log.append((address, b"", answer))
        return answer


class WDT:
    def __init__(self, timeout):
        self.timeout = timeout

    def feed(self):
        for act in fed:
            act()
