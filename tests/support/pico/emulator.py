"""A Pico in a process of its own: the firmware's own main.py under CPython on a pseudo-terminal, its chips simulated by
their bytes.

    python tests/support/pico/emulator.py FIRMWARE STATION.toml EXPERIMENT.toml

A line on standard input, such as "600", lets so many seconds pass at once for the firmware; "skipped" is printed then,
after all that had come over the port was answered.

FIRMWARE is what `hwlearn bench firmware` wrote. Prints the VISA resource name, and then a line whenever resistors open
or close
("open", "closed") or sources leave 0 V or come back to it ("driven", "zero"): what the chips do, not what the firmware says.
"""

import os
import runpy
import select
import sys
import time
import tty
from pathlib import Path
from types import SimpleNamespace

import machine
from chips_sim import SimAds1115, SimMcp4251, SimMcp4728

from hwlearn.experiments import load_experiment
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual.bench import model_of


class Wires:
    """Between the chips and the simulated network: codes and voltages go in when a converter looks."""

    def __init__(self, model, pots, dac):
        self.model, self.pots, self.dac = model, pots, dac
        self.codes, self.volts = [], []

    def look(self):
        codes = [code for pot in self.pots for code in pot.codes()]
        *outputs, ground = self.dac.volts()
        volts = [output - ground for output in outputs]
        for k, code in enumerate(codes):
            if code not in self.codes[k : k + 1]:
                self.model.set_code(f"board:{k}", code)
        for k, level in enumerate(volts):
            if level not in self.volts[k : k + 1]:
                self.model.set_source(f"board:{201 + k}", level)
        self.codes, self.volts = codes, volts

    def input(self, chip):
        def volts(pin):
            self.look()
            against = float(self.model.read([f"board:{101 + 3 * chip + pin}"], high_z=False)[0]) if pin < 3 else 0.0
            return self.dac.volts()[3] + against

        return volts


def main(folder, station, experiment):
    model = model_of(load_experiment(experiment).network, load_station(station))
    pots, dac = [SimMcp4251(2, 256, False) for _ in range(12)], SimMcp4728()
    wires = Wires(model, pots, dac)
    machine.wired.update(dict(zip((6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21), pots, strict=True)))
    adcs = [SimAds1115(wires.input(k), slow=0) for k in range(6)]
    machine.addressed.update({(0, 0x48 + k): adcs[k] for k in range(4)})
    machine.addressed.update({(1, 0x48): adcs[4], (1, 0x49): adcs[5], (1, 0x60): dac})
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    asked, told, said, ahead = sys.stdin, sys.stdout, [], [0]

    def tell():
        if said and not machine.log:
            return
        machine.log.clear()
        codes = [code for pot in pots for code in pot.codes()]
        state = ["open" if set(codes) == {None} else "closed", "driven" if len(set(dac.volts())) > 1 else "zero"]
        for word in state:
            if word not in said:
                print(word, file=told, flush=True)
        said[:] = state

    def skip():
        if select.select([asked], [], [], 0)[0] and not select.select([ours], [], [], 0)[0]:
            ahead[0] += int(1e9 * float(asked.readline()))
            print("skipped", file=told, flush=True)

    machine.fed += [tell, skip]
    print(f"ASRL{os.ttyname(theirs)}::INSTR", file=told, flush=True)
    sys.stdin, sys.stdout = os.fdopen(ours, encoding="ascii"), os.fdopen(os.dup(ours), "w", encoding="ascii")
    sys.path.insert(0, folder)
    import firmware.clock

    ours_only = {"monotonic_ns": lambda: time.monotonic_ns() + ahead[0], "sleep": lambda seconds: None}
    firmware.clock.time = SimpleNamespace(**vars(time) | ours_only)
    runpy.run_path(str(Path(folder) / "main.py"))


if __name__ == "__main__":
    main(*sys.argv[1:])
