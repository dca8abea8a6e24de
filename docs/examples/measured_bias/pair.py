"""`GatePair`: the small network of Dillavou, Guzman, Liu and Durian (arXiv:2505.22887), its learning and its bias."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.errors import SimulationError
from hwlearn.learning.task import Task
from hwlearn.network import Network, Transistor
from hwlearn.network.builders import gate_pair

CLOSED = 1e-7
"""A cycle is closed to this voltage [V]."""

STEPS = 200
"""Runge–Kutta steps of half a period."""


@dataclass(frozen=True)
class GatePair:
    """An output node between two rails, each behind a transistor, and an input behind a resistor.

    The transistors have conductance S (V_G − V_T − mean of their two ends). Their gates, G = (G−, G+) at the low and the high
    rail, learn by a full clamp: `dG/dt = γ [(Δv free)² − (Δv clamped)²] + b` (THEORY, Phases), b the update bias, up to a rail
    of the amplifiers. Two tasks take turns, half a period each. Default values are those published.

    Attributes:
        high, low: rails [V].
        transconductance: S [S/V].
        threshold: V_T [V].
        resistor: conductance of the input's resistor [S].
        inputs, targets: of the two tasks [V].
        gain: true output voltage that reads as 1 V; targets are imposed as they are read.
        rate: γ [V/s per V²]; 2/(R C · 0.33 V) with 100 Ω, 22 µF.
        bias: b (b−, b+) [V/s].
        ceiling: highest gate voltage [V].
        late: how much longer than told a period is [s].
    """

    high: float = 0.4351
    low: float = 0.0181
    transconductance: float = 8.5e-4
    threshold: float = 0.7
    resistor: float = 1 / 500
    inputs: tuple[float, float] = (0.4351, 0.0181)
    targets: tuple[float, float] = (0.31, 0.14)
    gain: float = 1.0
    rate: float = 2 / (100 * 22e-6 * 0.33)
    bias: tuple[float, float] = (2.92, 4.4)
    ceiling: float = 5.03
    late: float = 0.0

    def output(self, gates: ArrayLike, task: int | Array) -> Array:
        """(…) V at the output node, free, for gates (…, 2) [V].

        Kirchhoff's law is quadratic: S Σ_r [(G_r − V_T)(r − o) − (r² − o²)/2] + k (u − o) = 0 over the rails r.
        """
        minus, plus = np.moveaxis(np.asarray(gates, dtype=np.float64) - self.threshold, -1, 0)
        k = self.resistor / self.transconductance
        half = (minus + plus + k) / 2
        rails = minus * self.low + plus * self.high - (self.low**2 + self.high**2) / 2
        root: Array = half - np.sqrt(half**2 - rails - k * np.asarray(self.inputs)[task])
        return root

    def error(self, gates: ArrayLike, task: int) -> Array:
        """(…) V: output as read, minus the target."""
        return self.output(gates, task) / self.gain - self.targets[task]

    def velocity(self, gates: Array, task: int | Array) -> Array:
        """dG/dt (…, 2) [V/s], the ceiling aside."""
        free, clamped = self.output(gates, task), self.gain * np.asarray(self.targets)[task]
        rails = np.array([self.low, self.high])
        return self.rate * ((rails - free[..., None]) ** 2 - (rails - np.asarray(clamped)[..., None]) ** 2) + self.bias

    def path(self, gates: ArrayLike, task: int | Array, seconds: float | Array, steps: int = STEPS) -> Array:
        """(steps + 1, …, 2): gates while one task is learned for `seconds`, (…), by Runge–Kutta steps of equal length."""
        here = np.array(gates, dtype=np.float64)
        dt = np.asarray(seconds)[..., None] / steps
        passed = [here]
        for _ in range(steps):
            one = self.velocity(here, task)
            two = self.velocity(here + dt / 2 * one, task)
            three = self.velocity(here + dt / 2 * two, task)
            four = self.velocity(here + dt * three, task)
            here = np.minimum(here + dt / 6 * (one + 2 * two + 2 * three + four), self.ceiling)
            passed.append(here)
        return np.array(passed)

    def cycles(self, periods: ArrayLike, steps: int = STEPS) -> Cycles:
        """The limit cycle of each period (P,) [s], task 1 before task 0: Newton's method on the map of one period.

        Raises:
            SimulationError: a cycle did not close.
        """
        told = np.atleast_1d(np.asarray(periods, dtype=np.float64))
        half = (told + self.late) / 2

        def once(gates: Array, times: Array) -> tuple[Array, Array]:
            between = self.path(gates, 1, times, steps)[-1]
            return between, self.path(between, 0, times, steps)[-1]

        start, nudge = np.full((len(told), 2), 2.5), 1e-5
        for _ in range(60):
            tried = start + nudge * np.array([[[0, 0]], [[1, 0]], [[0, 1]]])
            ends = once(tried, np.broadcast_to(half, tried.shape[:2]))[1]
            off = ends[0] - start
            if np.abs(off).max() < CLOSED:
                break
            slopes = np.moveaxis(ends[1:] - ends[0], 0, -1) / nudge - np.eye(2)
            move = -np.linalg.solve(slopes, off[..., None])[..., 0]
            largest = np.abs(move).max(axis=1, keepdims=True)
            start = np.clip(start + move * np.minimum(1.0, 0.3 / np.maximum(largest, 0.3)), self.threshold + 0.3, self.ceiling)
        else:
            worst = int(np.abs(off).max(axis=1).argmax())
            raise SimulationError(f"the cycle of period {told[worst]:g} s did not close: {np.abs(off).max():.2g} V are left")
        return Cycles(self, told, once(start, half)[0], start)

    def solution_line(self, task: int) -> tuple[float, float]:
        """Slope and intercept [V] of G+ over G− where the task is solved: Kirchhoff's law at the target."""
        target = self.gain * self.targets[task]
        slope = (target - self.low) / (self.high - target)
        levels = self.threshold + (self.high + target) / 2 - slope * (self.threshold + (self.low + target) / 2)
        fed = self.resistor / self.transconductance * (self.inputs[task] - target) / (self.high - target)
        return slope, levels - fed

    def network(self, gates: ArrayLike, task: int) -> Network:
        """The three conductors as they are in the free state: a linear network with the same voltages."""
        free = float(self.output(gates, task))
        ends = np.array([self.low + free, self.high + free]) / 2
        lowered = self.transistors(np.asarray(gates) - ends)
        return replace(lowered, devices=())

    def transistors(self, gates: ArrayLike) -> Network:
        """The network itself, for `NewtonCircuit` and `NgspiceCircuit`; junctions from the bulk, at ground, come along."""
        made = [Transistor(name, self.transconductance, self.threshold) for name in ("R1", "R2")]
        conductances = [one.conductance(gate) for one, gate in zip(made, np.asarray(gates).tolist(), strict=True)]
        return gate_pair([*conductances, self.resistor], rails=(self.low, self.high), devices=made)

    def task(self, number: int) -> Task:
        """A task for `network`, its target as it truly is imposed."""
        return Task([[self.inputs[number]]], [[self.gain * self.targets[number]]])


@dataclass(frozen=True, eq=False)
class Cycles:
    """Limit cycles, where the tasks are switched.

    Attributes:
        pair: whose.
        periods: (P,) s, as told.
        after_one, after_zero: (P, 2) V, gates at the end of task 1, and of task 0.
    """

    pair: GatePair
    periods: Array
    after_one: Array
    after_zero: Array

    @cached_property
    def spans(self) -> Array:
        """(P,) V²: squared distance of the two ends."""
        return ((self.after_one - self.after_zero) ** 2).sum(axis=-1)

    @cached_property
    def errors(self) -> Array:
        """(P,) V²: squared error, mean over both tasks and both ends."""
        ends = np.stack([self.after_one, self.after_zero])
        return np.mean([self.pair.error(ends, task) ** 2 for task in (0, 1)], axis=(0, 1))
