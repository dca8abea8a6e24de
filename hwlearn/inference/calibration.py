"""`fit_devices`: the resistances by code that explain what a bench read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hwlearn.arrays import Array
from hwlearn.inference.nodes import NodeCircuit
from hwlearn.lab.station import Station
from hwlearn.network import Network

DEVICE, RESISTOR = 0.3, 0.02
"""What is believed before, relative: of a programmable device, and of a resistor, alone or in series with one."""
SEEN = 0.5
"""An edge is seen if its readings leave at most this part of what was not known before."""


@dataclass(frozen=True, eq=False)
class DeviceReadings:
    """M settings of the codes, D drives, N nodes.

    Attributes:
        codes: (M, E); −1 at fixed resistors.
        read: indices of the nodes that are read.
        voltages: (M, D, N) V, of each source alone, and driven (M, D, U) V and A, what it was: see `Probed`.
        noise: standard deviation of a voltage [V].
        offsets: of each channel [V]; None if a supply is on that the station cannot switch off.
        offset_error: standard deviation of an offset [V].
        injected: whether currents were driven, which fix the overall scale.
    """

    codes: NDArray[np.intp]
    read: list[int]
    voltages: Array
    driven: Array
    noise: float
    offsets: dict[str, float] | None
    offset_error: float
    injected: bool


@dataclass(frozen=True, eq=False)
class FittedDevices:
    """What `fit_devices` found.

    Attributes:
        network: whose edges these are.
        resistances: edge → (codes,) Ω, its series resistor included; of a fixed resistor (1,). Nominal where not seen.
        factor: (E,) of the resistance in the middle of its codes, fitted over nominal.
        error: (E,) relative standard error of a resistance, at its worst code.
        seen: (E,) whether readings said something of it.
        scale_error: relative standard error of all resistances together.
        chi_square: sum of squared residuals over the variance, per degree of freedom; far above 1 if devices are not as
            their tables say up to their two ends.
        worst_node: with the largest residuals.
    """

    network: Network
    resistances: Mapping[str, Array]
    factor: Array
    error: Array
    seen: NDArray[np.bool_]
    scale_error: float
    chi_square: float
    worst_node: str


def fit_devices(network: Network, station: Station, readings: DeviceReadings) -> FittedDevices:
    """Fit two numbers per device: R(code) = Rₐ e^γ + (R⁰(code) − Rₐ) e^α.

    R⁰ is its table so far, series resistor included, and Rₐ the smallest of it: α stretches the codes (end-to-end tolerance),
    γ the rest (wiper and series resistor). A fixed resistor has γ alone. Least squares of the half differences of both ways on
    the exact Jacobian, and of γ and α themselves in units of what was believed before (a Gaussian prior), which keeps what no
    reading sees at its nominal value. Voltages alone see only ratios of resistances; the overall scale is then that of the
    nominal tables, as far as series and fixed resistors hold it.

    Raises:
        ModelError: the network is not linear.
    """
    edges = _Edges(network, station, readings.codes)
    count = len(network.edges)
    prior = np.concatenate((edges.prior_low, np.full(count, DEVICE)))
    with NodeCircuit(network) as model:
        nodes = [k for k in model.free.tolist() if k in readings.read]
        seen = readings.voltages[:, :, nodes]

        def residual(u: Array) -> Array:
            made = [model.ask(1 / r).units[:, nodes] for r in edges.resistances(u * prior)]
            return np.concatenate((((readings.driven @ np.array(made) - seen) / readings.noise).ravel(), u))

        def jacobian(u: Array) -> Array:
            rows = []
            for driven, r, (low, high) in zip(
                readings.driven, edges.resistances(u * prior), edges.slopes(u * prior), strict=True
            ):
                answer = model.ask(1 / r)
                unit = answer.sensitivity(1 / r, answer.unit_drops)[:, nodes]  # per ln g = −ln R
                by_log = -np.einsum("du,une->dne", driven, unit).reshape(-1, count) / readings.noise
                rows.append(np.hstack((by_log * low, by_log * high)) * prior)
            return np.concatenate((*rows, np.eye(2 * count)))

        fit = least_squares(residual, np.zeros(2 * count), jacobian, bounds=(-4, 4), x_scale="jac", xtol=1e-10, ftol=1e-10)
        jac = jacobian(fit.x)
    data = jac[: seen.size]
    covariance = np.linalg.inv(jac.T @ jac)
    misfit = fit.fun[: seen.size]
    freedom = max(seen.size - float(np.einsum("ij,ki,kj->", covariance, data, data)), 1.0)
    chi_square = float(misfit @ misfit) / freedom
    covariance = prior[:, None] * (max(chi_square, 1.0) * covariance) * prior
    return edges.devices(fit.x * prior, covariance, prior, chi_square, network.nodes[nodes[_worst(misfit, len(nodes))]])


def _worst(misfit: Array, nodes: int) -> int:
    return int(np.square(misfit.reshape(-1, nodes)).sum(0).argmax())


class _Edges:
    """The edges' nominal tables, and what two numbers per edge, γ then α (2E,), make of them."""

    def __init__(self, network: Network, station: Station, codes: NDArray[np.intp]) -> None:
        self.network = network
        self._tables: list[Array] = []
        self._usable: list[slice] = []
        low, prior, span = [], [], []
        for k, name in enumerate(network.edge_names):
            edge, table = station.settings.edge[name], station.tables.get(name)
            resistances = np.array([edge.fixed_ohm]) if table is None else table.resistances
            usable = slice(0, 1) if table is None else slice(table.min_code, table.max_code + 1)
            smallest = float(resistances[usable].min())
            device = 0.0 if table is None else smallest - edge.series_ohm
            self._tables.append(resistances)
            self._usable.append(usable)
            low.append(smallest)
            prior.append((DEVICE * device + RESISTOR * (smallest - device)) / smallest)
            span.append(resistances[np.maximum(codes[:, k], 0)] - smallest)
        self.low, self.prior_low, self._span = np.array(low), np.array(prior), np.array(span).T

    def resistances(self, parameters: Array) -> Array:
        """(M, E) Ω at the codes that were set."""
        gamma, alpha = np.split(np.exp(parameters), 2)
        return self.low * gamma + self._span * alpha

    def slopes(self, parameters: Array) -> Array:
        """(M, 2, E) ∂ln R/∂γ and ∂ln R/∂α."""
        gamma, alpha = np.split(np.exp(parameters), 2)
        whole = self.resistances(parameters)
        return np.stack((self.low * gamma / whole, self._span * alpha / whole), axis=1)

    def devices(self, parameters: Array, covariance: Array, prior: Array, chi_square: float, worst_node: str) -> FittedDevices:
        """The tables, with their errors; nominal where nothing was seen."""
        names, count = self.network.edge_names, len(self._tables)
        gamma, alpha = np.split(np.exp(parameters), 2)
        fitted = [low * c + (table - low) * a for low, c, a, table in zip(self.low, gamma, alpha, self._tables, strict=True)]
        error, before, factor, middles = np.zeros(count), np.zeros(count), np.ones(count), np.zeros((2, count))
        for k, (ohms, usable) in enumerate(zip(fitted, self._usable, strict=True)):
            share = self.low[k] * gamma[k] / ohms[usable]
            slope, own = np.stack((share, 1 - share)), [k, count + k]  # (2, codes) ∂ln R/∂γ and ∂ln R/∂α
            error[k] = np.sqrt(np.einsum("ic,ij,jc->c", slope, covariance[np.ix_(own, own)], slope).max())
            before[k] = np.sqrt((slope.T**2 @ prior[own] ** 2).max())
            middle = slope.shape[1] // 2
            middles[:, k], factor[k] = slope[:, middle], ohms[usable][middle] / self._tables[k][usable][middle]
        seen = error <= SEEN * before
        together = (middles * seen / max(seen.sum(), 1)).ravel()
        return FittedDevices(
            self.network,
            {names[k]: fitted[k] if seen[k] else self._tables[k] for k in range(count)},
            np.where(seen, factor, 1.0),
            error,
            seen,
            float(np.sqrt(together @ covariance @ together)),
            chi_square,
            worst_node,
        )
