"""The laws of a network's branches, and their rows in Newton's equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.newton.reduction import Held
from hwlearn.errors import DeviceError, ModelError
from hwlearn.netlist.laws import read_elements
from hwlearn.network import Network, Source
from hwlearn.network.devices import DEVICES, Branches, Law, Limiter, Placed, branches_by_law
from hwlearn.network.devices.models import options_of


class Devices(NamedTuple):
    """The devices of a network, and of its elements as their laws read them.

    Attributes:
        nodes: those of the network, then inner ones of devices.
        branches: those of all devices.
        ties: as voltage sources, whose value stays.
        placed: the devices.
    """

    nodes: tuple[str, ...]
    branches: tuple[Branches, ...]
    ties: tuple[Source, ...]
    placed: tuple[Placed, ...]

    def held(self, sources: Sequence[Source]) -> list[Held]:
        """Those of `sources`, the ties among them at the end, that make a voltage.

        Raises:
            ModelError: a mirror copies what is none.
        """
        made = [(place, tie) for place in self.placed for tie in place.device.ties]
        gains: dict[int, list[tuple[str, float]]] = {}
        for k, (place, tie) in enumerate(made, len(sources) - len(made)):
            at = place.at
            gains[k] = [
                (at[node], sign * gain) for one, other, gain in tie.gains for node, sign in ((one, -1.0), (other, 1.0))
            ]
        named = {source.name.lower(): k for k, source in enumerate(sources) if source.kind == "voltage"}
        copies: dict[int, list[tuple[str, float]]] = {}
        for place in self.placed:
            for mirror in place.device.mirrors:
                if mirror.of.lower() not in named:
                    raise ModelError(f"{place.device.label}: {mirror.of} is no voltage source, whose current it could take")
                into = ((place.at[mirror.start], mirror.gain), (place.at[mirror.end], -mirror.gain))
                copies.setdefault(named[mirror.of.lower()], []).extend(into)
        return [
            Held(k, source.name, source.plus, source.minus, tuple(gains.get(k, ())), tuple(copies.get(k, ())))
            for k, source in enumerate(sources)
            if source.kind == "voltage"
        ]


def all_devices(network: Network) -> Devices:
    """Those of the network, and of its elements as their laws read them.

    Raises:
        ModelError: names the elements that no law takes, each with its line and the reason.
    """
    options = options_of(network.directives)
    for device in network.devices:
        try:
            device.check_options(options)
        except DeviceError as error:
            raise ModelError(f"{device.word} {device.edge}: {error}. Use backend ngspice") from None
    found, refused = read_elements(network.elements, network.directives, network.laws, network.nodes)
    if refused:
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        known = sorted({f"{law.word}s" for law in (*network.laws, *map(DEVICES.get, DEVICES))})
        raise ModelError(
            f"the exact model takes {', '.join(known)} and DC sources, as far as their laws go; "
            f"not {'; '.join(refused[:5])}{more}. Use backend ngspice"
        )
    elements = [Placed(device, (*device.nodes, *(f"{device.label} {name}" for name in device.inner)), -1) for device in found]
    placed = (*elements, *network.placed)
    nodes = (*network.nodes, *(node for place in elements for node in place.nodes[len(place.device.terminals) :]))
    ties = tuple(
        Source(place.device.label, "voltage", place.at[tie.start], place.at[tie.end], tie.value)
        for place in placed
        for tie in place.device.ties
    )
    every = ((place, branch) for place in placed for branch in place.device.branches)
    return Devices(nodes, branches_by_law(every, {node: k for k, node in enumerate(nodes)}), ties, placed)


class Rows(NamedTuple):
    """Where the D branches of a law stand in Newton's equations.

    Attributes:
        flows: their rows of flows.
        seen: rows of all C·D controls, counted without edges.
        shape: (C, D).
        slopes: rows of slopes of each control.
    """

    branches: Branches
    law: Law
    flows: Indices | slice
    seen: slice
    shape: tuple[int, int]
    slopes: tuple[slice, ...]

    def volts(self, controls: Array) -> Array:
        """(C, D, S) V out of the controls of all laws (…, S), a view."""
        return controls[self.seen].reshape((*self.shape, -1))


def placed_rows(laws: Sequence[Branches], edges: int, resistors: int) -> Iterator[Rows]:
    """The rows of one law after the other: flows after those of all edges, slopes after those of the resistors."""
    flow, control, slope = edges, 0, resistors
    for branches in laws:
        count = len(branches)
        further = np.flatnonzero(branches.edges < 0)
        flows = branches.edges.copy()
        flows[further] = np.arange(flow, flow + len(further))
        controls = branches.controls.shape[0] // count
        slopes = tuple(slice(slope + k * count, slope + (k + 1) * count) for k in range(controls))
        chosen = flows if len(further) < count else slice(flow, flow + count)
        yield Rows(branches, branches.law, chosen, slice(control, control + controls * count), (controls, count), slopes)
        flow, control, slope = flow + len(further), control + controls * count, slope + controls * count


def of_slopes(rows: Rows) -> tuple[Indices, Indices]:
    """(C·D,) rows of flows, and rows of controls, that the slopes belong to."""
    flows = np.arange(rows.flows.start, rows.flows.stop) if isinstance(rows.flows, slice) else rows.flows
    return np.tile(flows, rows.shape[0]), np.arange(rows.seen.start, rows.seen.stop)


class AtConductances(NamedTuple):
    """A law for the present conductances: g (D, 1) S of the devices' edges, and what limits steps."""

    rows: Rows
    given: Array
    limit: Limiter | None


def at_conductances(laws: Sequence[Rows], conductances: Array) -> list[AtConductances]:
    """The laws for conductances (E,) S."""
    if not laws:
        return []
    typical = float(np.exp(np.log(conductances).mean())) if len(conductances) else 1.0
    return [AtConductances(rows, rows.branches.given(conductances), rows.law.limiter(typical)) for rows in laws]
