"""What a training step on a bench costs: round trips, and the share of the time that is not spent on instruments.

    python bench/bench_io.py [SECONDS]

The virtual bench of stations/allostery.toml runs in a process of its own, as instruments do, with zero settling, over
loopback. Each answer comes SECONDS late, 0.001 if not given: about what instruments take on a LAN or USB. I/O is the time
between sending a message and having its answer, PyVISA included. Outside is all else in `train`, in seconds of this process'
own work, for on a busy machine waiting for a processor looks like either; of it, protocol is what `Session` does to write
messages and to check and parse answers. "At SECONDS" is its share if each trip took just so long. Of many short turns the
one with the least work counts. A round trip is also timed alone.
"""

from __future__ import annotations

import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import asyncio  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from hwlearn import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation, Rule, train  # noqa: E402
from hwlearn.experiments import load_experiment  # noqa: E402
from hwlearn.lab.bench.circuit import BenchCircuit  # noqa: E402
from hwlearn.lab.instruments.signals import ending_signals_raise  # noqa: E402
from hwlearn.lab.station import load_station  # noqa: E402
from hwlearn.lab.virtual import VirtualBench  # noqa: E402
from hwlearn.lab.virtual.scpi import ScpiInstrument  # noqa: E402

ROOT = Path(__file__).parent.parent
EXPERIMENT, STATION = ROOT / "netlists" / "allostery-bench.toml", ROOT / "stations" / "allostery.toml"
RULES: tuple[tuple[Rule, float], ...] = (
    (EquilibriumPropagation(2e-4, symmetric=True), 2e-7),
    (CoupledLearning(1.0, symmetric=True), 2e-3),
    (AdjointCoupledLearning(5e3, symmetric=True), 3.0),
)
STEPS, TURNS = 10, 8


def serve(seconds: float) -> None:
    """Run the virtual bench, each answer so much later, and print where its instruments are."""

    async def late(self: ScpiInstrument, *rest: Any) -> bool:
        if seconds:
            await asyncio.sleep(seconds)
        return await sent(self, *rest)

    sent = ScpiInstrument._send
    ScpiInstrument._send = late  # type: ignore[method-assign]
    with ending_signals_raise(), VirtualBench(load_experiment(EXPERIMENT).network, load_station(STATION)) as virtual:
        for name, resource in virtual.resources.items():
            print(name, resource, flush=True)
        signal.pause()


@contextmanager
def served(seconds: float) -> Iterator[Path]:
    """The virtual bench in a process of its own, and a station file that reaches it as instruments are reached."""
    command = [sys.executable, __file__, "serve", str(seconds)]
    text = STATION.read_text(encoding="utf-8").replace('backend = "virtual"', 'backend = "@py"')
    count = text.count("[instrument.")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None
        for _ in range(count):
            name, resource = process.stdout.readline().split()
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "station.toml"
            path.write_text(text, encoding="utf-8")
            yield path
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def timed(call: Callable[..., Any], total: list[float]) -> Callable[..., Any]:
    """`call`, whose seconds of work are added to `total`."""

    def run(*arguments: Any, **options: Any) -> Any:
        began = time.thread_time()
        result = call(*arguments, **options)
        total[0] += time.thread_time() - began
        return result

    return run


def main(late: float) -> None:
    experiment = load_experiment(EXPERIMENT)
    with served(late) as station, BenchCircuit(experiment.network, station) as circuit:
        sessions = {name: instrument.session for name, instrument in circuit.connection.instruments.items()}
        protocol, exchanged = [0.0], [0.0]
        for session in sessions.values():
            session.read = timed(session.read, protocol)  # type: ignore[method-assign]
            session._exchange = timed(session._exchange, exchanged)  # type: ignore[method-assign]
        print(
            f"{'rule':<6}{'step ms':>9}{'trips/step':>12}{'µs/trip':>9}{'outside ms':>12}{'outside':>9}"
            f"{f'at {late:g} s':>11}{'of it protocol':>16}"
        )
        for rule, rate in RULES:
            rows = []
            for turn in range(TURNS + 1):
                before = [(s.round_trips, s.seconds) for s in sessions.values()]
                protocol[0] = exchanged[0] = 0.0
                began, worked = time.perf_counter(), time.thread_time()
                train(circuit, experiment.task, rule, steps=STEPS, learning_rate=rate)
                seconds, work = time.perf_counter() - began, time.thread_time() - worked - exchanged[0]
                trips = sum(s.round_trips - was for s, (was, _) in zip(sessions.values(), before, strict=True))
                spent = sum(s.seconds - was for s, (_, was) in zip(sessions.values(), before, strict=True))
                if turn:  # the first one sets the instruments up
                    rows.append((work, seconds, trips, spent, protocol[0] - exchanged[0]))
            work, seconds, trips, spent, talk = min(rows)
            print(
                f"{rule.name:<6}{1e3 * seconds / STEPS:>9.2f}{trips / STEPS:>12.1f}{1e6 * spent / trips:>9.0f}"
                f"{1e3 * work / STEPS:>12.3f}{work / (work + spent):>9.1%}{work / (work + late * trips):>11.1%}"
                f"{talk / work:>16.1%}",
                flush=True,
            )
        print(f"\n{'instrument':<12}{'message':<34}{'µs/trip':>10}")
        for name, message in (
            ("daq", ":TRIG:COUN 1;:READ?"),
            ("daq", ":TRIG:COUN 8;:READ?"),
            ("dac", ":SOUR:VOLT 1,(@1);:SOUR:VOLT? (@1)"),
            ("smu", ":SOUR:CURR 0"),
            ("pots", ":RES:CODE?"),
        ):
            times = []
            for _ in range(300):
                began = time.perf_counter()
                (sessions[name].ask if "?" in message else sessions[name].tell)(message)
                times.append(time.perf_counter() - began)
            print(f"{name:<12}{message:<34}{1e6 * np.quantile(times, 0.2):>10.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(float(sys.argv[2]))
    else:
        main(float((sys.argv[1:] or ["0.001"])[0]))
