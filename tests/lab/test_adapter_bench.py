"""A whole bench behind drivers of other people, stations/adapters.toml: PyMeasure's and QCoDeS' over sockets."""

import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from adapters import needs
from benches import EXPERIMENT, NETWORK, Clock, changed
from processes import ENDLESS, ended, start, stop_when
from typer.testing import CliRunner

from hwlearn import Drive, EquilibriumPropagation, Hold, Inject, train
from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.connection import make_safe
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing.nodal import modified_nodal

needs("qcodes")
needs("pymeasure")

STATIONS = Path(__file__).parents[2] / "stations"
TEXT = (STATIONS / "adapters.toml").read_text(encoding="utf-8")
EXACT = [
    ("noise_v = 20e-6", "noise_v = 0"),
    ("lsb_v = 5e-6", "lsb_v = 0"),
    ("pot_tolerance = 0.2", "pot_tolerance = 0"),
    ("dac_bits = 16", ""),
    ("repeats = 2", "repeats = 1"),
]


def written(folder, *changes):
    shutil.copy(STATIONS / "digipots.py", folder / "digipots.py")
    path = folder / "station.toml"
    path.write_text(changed(TEXT, *changes), encoding="utf-8")
    return path


def test_bench_check_passes():
    done = CliRunner().invoke(app, ["bench", "check", str(STATIONS / "adapters.toml"), str(EXPERIMENT), "--trust-station"])
    assert done.exit_code == 0, done.output
    assert re.search(r"\d+ tests, none failed", done.output)


def test_phases_are_those_of_the_circuit_and_ep_learns(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *EXACT), trust=True) as circuit:
        for outputs in (Inject([[1e-5], [-2e-5]]), Hold([[0.2], [0.1]])):
            drive = Drive([[1.0], [-0.7]], outputs)
            measured, true = circuit.measure(drive), modified_nodal(NETWORK, circuit.conductances, drive)
            np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-6)
        task = load_experiment(EXPERIMENT).task
        found = train(circuit, task, EquilibriumPropagation(2e-4, symmetric=True), steps=12, learning_rate=4e-6)
    assert found.losses[-1] < 0.25 * found.losses[0]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_a_signal_leaves_it_safe_and_after_kill_9_the_watchdog_opens(tmp_path, number):
    with VirtualBench(NETWORK, load_station(STATIONS / "adapters.toml", trust=True)) as virtual:
        resources = [
            (f"[instrument.{name}]\n", f'[instrument.{name}]\nresource = "{resource}"\n')
            for name, resource in virtual.resources.items()
        ]
        path = written(tmp_path, ('"virtual"', '"@py"'), ("watchdog_s = 30", "watchdog_s = 600"), *resources)
        clock = Clock(virtual)
        dac, smu, pots = (virtual.instruments[name] for name in ("dac", "smu", "pots"))

        def on():
            return smu.channels and dac.channels and smu.channels["1"].on and dac.channels["1"].volts and not pots.opened

        words = ("--backend", "bench", "--station", path, "--trust-code", *ENDLESS, "--no-save")
        process = start("train", EXPERIMENT, *words)
        try:
            stop_when(on, process)
            process.send_signal(getattr(signal, number))
            process.send_signal(signal.SIGCONT)
            _, error = ended(process)
        finally:
            process.kill()
            process.communicate()
        if number == "SIGKILL":
            assert (pots.opened, dac.channels["1"].on) == (False, True)  # nobody could do anything
            clock.skip(601)
            assert pots.opened
            make_safe(load_station(path, trust=True))  # `hwlearn bench safe`, which the killed process does not lock out
        else:
            assert process.returncode == 143, error
        assert (smu.channels["1"].on, dac.channels["1"].on, dac.channels["1"].volts, pots.opened) == (False, False, 0.0, True)
