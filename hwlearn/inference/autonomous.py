"""`explain`: does a circuit that learns by itself move as a rule says?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network

POINTS = 40
"""Of a trajectory, that are fitted."""
AT_BOUND = 0.01
"""A gate within this part of its range from a bound may have been stopped there."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What was read of T moments.

    Attributes:
        seconds: (T,) s, ascending. gates: edge → (T,) V. nodes: node → (T,) V; those that were read.
    """

    seconds: Array
    gates: Mapping[str, Array]
    nodes: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Explained:
    """A trajectory beside what a rule predicts from its first point on.

    Gates go as dG/dt = γ s D + b: s = ∂g/∂G, D the rule's direction at the gates of that moment, b a constant bias.

    Attributes:
        names: of the gates. seconds: (P,) s of the points that were compared, none at a bound. measured: (P, G) V.
        alone: (P, G) V, by the rule without bias. biased: (P, G) V, with it.
        speed: γ [V² per s and unit of D]; that of `[train] learning_rate` per second.
        bias: (G,) V/s. bias_error: (G,) its standard errors, from the residuals.
        stopped: seconds after which a gate was at a bound; None if none was.
    """

    names: list[str]
    seconds: Array
    measured: Array
    alone: Array
    biased: Array
    speed: float
    bias: Array
    bias_error: Array
    stopped: float | None

    @property
    def travel(self) -> float:
        """Root mean square of the way from the first point [V]."""
        return _rms(self.measured - self.measured[0])

    @property
    def off_alone(self) -> float:
        """Root mean square by which the rule alone is off [V]."""
        return _rms(self.measured - self.alone)

    @property
    def off_biased(self) -> float:
        """The same with the bias [V]."""
        return _rms(self.measured - self.biased)


def explain(network: Network, task: Task, rule: Rule, trajectory: Trajectory) -> Explained:
    """Fit γ and b to a trajectory, up to where the first gate reaches a bound of the network.

    γ is at most what the readings can tell: where a circuit follows its solutions, only that it is fast.

    Raises:
        HwlearnError: fewer than six points, or nothing that learns.
    """
    names = [name for name, trained in zip(network.edge_names, network.trainable, strict=True) if trained]
    if not names or any(name not in trajectory.gates for name in names):
        raise HwlearnError("nothing to explain: no gate that learns was read")
    measured = np.array([trajectory.gates[name] for name in names]).T
    model = _Model(network, task, rule, names)
    free = model.free(measured)
    count = len(free) if free.all() else int(np.argmin(free))
    if count < 6:
        raise HwlearnError(f"{count} points before a gate is at a bound: read more often, or give wider gate_bounds")
    kept = np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.intp))
    seconds, gates = trajectory.seconds[kept] - trajectory.seconds[0], measured[kept]
    with NewtonCircuit(network) as circuit:
        speed, bias = _by_velocities(seconds, gates, np.array([model.direction(circuit, point) for point in gates]))

        def path(parameters: Array) -> Array:
            def move(_: float, point: Array) -> Array:
                return float(np.exp(parameters[0])) * model.direction(circuit, point) + parameters[1:]

            found = solve_ivp(move, (0, seconds[-1]), gates[0], "LSODA", seconds, rtol=1e-5, atol=1e-6)
            return np.asarray(found.y.T) if found.success else np.full(gates.shape, 1e3)

        def residual(parameters: Array) -> Array:
            return (path(parameters) - gates).ravel()

        fit = least_squares(residual, np.r_[np.log(speed), bias], max_nfev=30, diff_step=1e-4)
        alone, biased = path(np.r_[fit.x[0], np.zeros(len(names))]), path(fit.x)
    freedom = max(1, gates.size - len(fit.x))
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * float(fit.fun @ fit.fun) / freedom
    return Explained(
        names,
        seconds,
        gates,
        alone,
        biased,
        float(np.exp(fit.x[0])),
        fit.x[1:],
        np.sqrt(np.diag(covariance))[1:],
        None if free.all() else float(trajectory.seconds[count] - trajectory.seconds[0]),
    )


class _Model:
    """What a rule does to gates, on the model of the network."""

    def __init__(self, network: Network, task: Task, rule: Rule, names: list[str]) -> None:
        self._task, self._rule, self._given = task, rule, network.conductances
        devices = {device.edge: device for device in network.devices}
        self._devices = [devices[name] for name in names]
        self._edges = [network.edge_names.index(name) for name in names]
        bounds = [
            [device.setting(float(limit[edge])) for device, edge in zip(self._devices, self._edges, strict=True)]
            for limit in (network.lower, network.upper)
        ]
        self._lower, self._upper = np.array(bounds)

    def free(self, gates: Array) -> Array:
        """(T,) whether no gate (T, G) V is at a bound."""
        near = AT_BOUND * (self._upper - self._lower)
        inside: Array = ((gates > self._lower + near) & (gates < self._upper - near)).all(axis=1)
        return inside

    def direction(self, circuit: Circuit, gates: Array) -> Array:
        """(G,) s D at gates (G,) V."""
        wanted = self._given.copy()
        kept = np.clip(gates, self._lower, self._upper)
        for device, edge, volts in zip(self._devices, self._edges, kept.tolist(), strict=True):
            wanted[edge] = device.conductance(volts)
        circuit.program(wanted)
        direction = self._rule.direction(circuit, self._task)
        slopes = [device.slope(float(wanted[edge])) for device, edge in zip(self._devices, self._edges, strict=True)]
        found: Array = np.array(slopes) * direction[self._edges]
        return found


def _by_velocities(seconds: Array, gates: Array, directions: Array) -> tuple[float, Array]:
    """γ and b (G,) by linear least squares on what the gates did from point to point."""
    moved, waited = np.diff(gates, axis=0), np.diff(seconds)
    mean, size = (directions[1:] + directions[:-1]) / 2, gates.shape[1]
    rows = [np.column_stack((mean[:, k] * waited, np.outer(waited, np.eye(size)[k]))) for k in range(size)]
    found = np.linalg.lstsq(np.vstack(rows), moved.T.ravel(), rcond=None)[0]
    typical = float(np.abs(moved).sum() / max(np.abs(mean * waited[:, None]).sum(), 1e-300))
    return (float(found[0]) if found[0] > 0 else typical), found[1:]


def _rms(volts: Array) -> float:
    return float(np.sqrt(np.square(volts).mean()))
