"""`new_experiment`: an experiment file for a netlist, which trains as it is; what only its owner knows is left as comments."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.drive import Drive
from hwlearn.errors import ExperimentError, ModelError
from hwlearn.experiments.outputs import likely_outputs
from hwlearn.lab.station.write import inline
from hwlearn.netlist.safety import Control
from hwlearn.netlist.source import read_source
from hwlearn.network import Network, Source
from hwlearn.spice.dialects import Dialect
from hwlearn.text import GROUND


def new_experiment(
    netlist: Path, folder: Path, *, trust: bool = False, control: Control | None = None, dialect: Dialect | None = None
) -> str:
    """The text of an experiment file. Its targets are the voltages [V] that the outputs have now, to be edited.

    Args:
        netlist: whose sources become the inputs.
        folder: of the experiment file; the netlist is named relative to it.
        trust, control, dialect: see `hwlearn.Network.from_netlist`.

    Raises:
        NetlistError: the netlist cannot be read.
        ExperimentError: nothing in it can be driven, read or trained.
    """

    def read(inputs: list[str], outputs: tuple[str, ...]) -> Network:
        return Network.from_netlist(netlist, inputs=inputs, outputs=outputs, trust=trust, control=control, dialect=dialect)

    bare = read([], ())
    inputs = [source.name for source in bare.fixed_sources if _drives(source) and _reaches(bare, source)]
    outputs, why = likely_outputs(bare, _text(netlist, trust))
    for found, what in (
        (bare.edges, "no resistor that could learn"),
        (inputs, "no source; add one for each input, such as V1 in 0 DC 1"),
        (outputs, "no node that the sources leave free, so no output"),
    ):
        if not found:
            raise ExperimentError(f"{netlist}: {what}")
    network = read(inputs, outputs)
    backend, measured = _present(network, netlist.parent)
    kept = {"control": "ignore" if control == "ignore" else None, "dialect": dialect}
    reading = {key: value for key, value in kept.items() if value is not None}
    named = Path(os.path.relpath(netlist, folder)).as_posix()
    return "\n".join(_lines(network, named, reading, why, backend, measured)) + "\n"


def _drives(source: Source) -> bool:
    """Whether a source looks like an input: a wire, and an ammeter of 0 V between two nodes, are none."""
    wire = source.name[:1] in "rR"
    return not wire and (source.value != 0 or GROUND in (source.plus, source.minus))


def _reaches(network: Network, source: Source) -> bool:
    """Whether something else than sources is at both nodes of a source: a supply that goes nowhere is no input."""
    ends = [*(node for edge in network.edges for node in edge[:2]), *(node for one in network.elements for node in one.nodes)]
    ends += [node for device in network.devices for node in device.further]
    return {source.plus, source.minus} <= {*ends, GROUND}


def _text(netlist: Path, trust: bool) -> Iterator[str]:
    source = read_source(netlist, trust)
    yield from (line.text for line in (*source.lines, *source.dropped))


def _present(network: Network, folder: Path) -> tuple[str, Array]:
    """The backend that takes the circuit, and the outputs (1, n_out) [V] at the sources' own values."""
    drive = Drive(np.array([[source.value for source in network.inputs]]))
    for name in ("exact", "ngspice"):
        try:
            with BACKENDS.get(name).model_validate({"name": name}).circuit(network, folder) as circuit:
                return name, circuit.measure(drive).output_voltages
        except ModelError:
            if name == "ngspice":
                raise
    raise AssertionError


def _lines(network: Network, netlist: str, reading: dict[str, str], why: str, backend: str, measured: Array) -> Iterator[str]:
    yield f"# {' '.join(network.title.split())}; written by `hwlearn new`. Look for TODO."
    yield "[circuit]"
    yield f"netlist = {inline(netlist)}"
    for key, value in reading.items():
        yield f"{key} = {inline(value)}"
    yield '# TODO: which elements learn? All resistors if not given: trainable = ["R*"]'
    yield "# TODO: what can they reach? bounds = [1e-6, 1e-2] # S"
    yield ""
    yield "[ports]"
    yield f"inputs = {inline(network.input_names)} # TODO: leave out what stays at its value"
    yield f'outputs = {inline(network.output_names)} # TODO: {why}; a difference is "T,M"'
    yield ""
    units = "".join(sorted({source.unit for source in network.inputs}, reverse=True))
    yield "[task] # TODO: a row for each sample; these are the present voltages: edit the targets"
    yield f"inputs = [{inline([source.value for source in network.inputs])}] # {' or '.join(units)}"
    yield f"targets = [{inline([float(f'{volts:.4g}') for volts in measured[0].tolist()])}] # V"
    yield ""
    yield "[rule]"
    yield 'name = "ep" # or "cl", "al"'
    yield "symmetric = true"
    yield ""
    yield "[train]"
    yield "steps = 1000"
    if backend == "exact" and network.linear:
        yield 'learning_rate = "auto"'
    else:
        yield "learning_rate = 0.03 # of log g, by a step of adam"
        yield 'optimizer = "adam"'
        yield 'parameter = "log-conductance"'
    yield "stop_loss = 1e-9 # V²"
    if backend != "exact":
        yield ""
        yield "[backend]"
        yield f"name = {inline(backend)} # the exact model refuses an element; `hwlearn show` of the netlist says why"
