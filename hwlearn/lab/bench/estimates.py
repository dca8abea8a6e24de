"""`Estimates`: the nodes of a bench that nobody reads, and whether anything may be learned from them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import AT_ONCE, sum_of
from hwlearn.errors import HwlearnWarning, StationError
from hwlearn.inference.unread import UnreadNodes
from hwlearn.lab.station import Station
from hwlearn.network import Network

UNCALIBRATED = 0.3
"""Relative standard deviation of what code tables say, of devices that nobody has measured."""


class Estimates:
    """Fills in what is not read, and tells those who learn from it how far it may be off.

    A conductance is as uncertain as `calibration.conductance` says where the station is calibrated or says it; a third else.

    Attributes:
        nodes: indices of the nodes that are estimated.
    """

    def __init__(self, network: Network, station: Station) -> None:
        given, calibration = station.settings.node, station.settings.calibration
        self.nodes = [k for k, name in enumerate(network.nodes) if name in given and given[name].read == "estimate"]
        self._network, self._station, self._unread = network, station, UnreadNodes(network, self.nodes)
        known = calibration.date is not None or "conductance" in calibration.model_fields_set
        self._doubt = calibration.conductance if known else UNCALIBRATED
        touching = np.abs(network.incidence.toarray()[:, self.nodes]).any(axis=1)
        self._needed = np.flatnonzero(touching & network.trainable)
        self._told = False

    def fill(self, conductances: Array, voltages: Array) -> None:
        """Write the estimates into node voltages (S, N) V, in place."""
        if self.nodes:
            voltages[:, self.nodes] = voltages @ self._unread.weights(conductances).T

    def errors(self, conductances: Array, voltages: Array, noise: float) -> Array:
        """(S, N) V: standard deviations of node voltages (S, N) V that were read with `noise` [V] or estimated."""
        found = np.full(voltages.shape, noise)
        if self.nodes:
            spread = np.square(self._unread.weights(conductances)).sum(axis=1) * np.nan_to_num(noise) ** 2
            for part in _parts(len(voltages), len(self.nodes) * len(conductances)):
                doubt = np.square(self._doubt * self._unread.doubt(conductances, voltages[part])).sum(axis=2)
                found[part][:, self.nodes] = np.sqrt(doubt + spread)
        return found

    def contrasted(self, conductances: Array, one: Array, two: Array, contrast: Array) -> None:
        """A rule wants the contrast (E,) V² of node voltages (S, N) V of two phases. Its error is that of the conductances.

        Raises:
            StationError: more than `measure.gradient_error` of it would be a guess.

        Warns:
            HwlearnWarning: some of it is estimated; once.
        """
        if not len(self._needed):
            return
        error = sum_of(self._error(conductances, one[part], two[part]) for part in _parts(len(one), len(conductances) ** 2))
        error = self._doubt * np.sqrt(np.square(error / len(one)).sum(axis=1))
        trained = self._network.trainable
        size, part = float(np.linalg.norm(contrast[trained])), float(np.linalg.norm(error[trained]))
        settings, names = self._station.settings, self._network.edge_names
        nodes, edges = _listed([self._network.nodes[k] for k in self.nodes]), _listed([names[k] for k in self._needed])
        told = (
            f"{self._station.path}: the rule needs {nodes}, not read but estimated, for the drops of {edges}; by the code "
            f"tables, {100 * self._doubt:.2g} % uncertain, its direction may be off by {100 * part / (size or 1.0):.2g} %"
        )
        if part > settings.measure.gradient_error * size:
            raise StationError(
                f"{told}, and measure.gradient_error = {settings.measure.gradient_error:g}: read these nodes, run `hwlearn "
                "bench calibrate`, or leave these edges out of [circuit] trainable"
            )
        if not self._told:
            self._told = True
            warnings.warn(told, HwlearnWarning, stacklevel=4)

    def _error(self, conductances: Array, one: Array, two: Array) -> Array:
        """(E, E) V²: by how much the contrast, summed over the samples, is off per relative change of each conductance."""
        drops, doubts = zip(*(self._drops(conductances, volts) for volts in (one, two)), strict=True)
        moved, mean = drops[0] - drops[1], drops[0] + drops[1]
        return np.einsum("sef,se->ef", doubts[0] - doubts[1], mean) + np.einsum("sef,se->ef", doubts[0] + doubts[1], moved)

    def _drops(self, conductances: Array, voltages: Array) -> tuple[Array, Array]:
        """(S, E) V, and (S, E, E) by how much they are off per relative change of each conductance."""
        incidence = self._network.incidence.toarray()
        doubt = self._unread.doubt(conductances, voltages)
        return voltages @ incidence.T, np.einsum("eu,suf->sef", incidence[:, self.nodes], doubt)


def _parts(samples: int, numbers: int) -> Iterator[slice]:
    """Samples that are looked at together, with this number of numbers each, which bounds the memory."""
    together = max(1, AT_ONCE // max(1, numbers))
    for first in range(0, samples, together):
        yield slice(first, first + together)


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
