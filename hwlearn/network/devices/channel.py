"""`Channel`: a current from drain to source that gates control; `MosChannel` and `JfetChannel`, those of level 1."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.law import Law


class Channel(Law):
    """Drain to source, whose ends are alike: with the drain below the source, they change places.

    The controls are the voltages of the drain, then of the gates, against the source.
    """

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        drop, *gates = volts
        back = drop < 0
        under = np.where(back, drop, 0.0)
        current, by_drop, by_gates = self._forward(np.abs(drop), *(gate - under for gate in gates))
        turn = np.where(back, -1.0, 1.0)
        by_drop = by_drop + np.where(back, sum(by_gates), 0.0)
        return turn * current, (by_drop, *(turn * slope for slope in by_gates))

    @abstractmethod
    def _forward(self, drop: Array, *gates: Array) -> tuple[Array, Array, Sequence[Array]]:
        """Current, its slope by the drop, and by each gate, for drops of 0 V or more."""


class MosChannel(Channel):
    """Gate and bulk, with u = v_gs − V_F − γ r, where r = √(φ − v_bs); u and Δv count where positive, Δv up to u:

        i = S (1 + λ v_ds) (u Δv − Δv²/2).

    With a bulk above the source, r goes on in a straight line, down to 0 (Shichman and Hodges 1968; SPICE's level 1).

    Args:
        transconductance: S (D,) S/V.
        modulation: λ (D,) 1/V.
        flat: V_F (D,) V, the threshold less γ √φ.
        body: γ (D,) √V.
        surface: φ (D,) V.
    """

    def __init__(self, transconductance: Array, modulation: Array, flat: Array, body: Array, surface: Array) -> None:
        self._steep, self._modulation, self._flat, self._body, self._surface = (
            number[:, None] for number in (transconductance, modulation, flat, body, surface)
        )

    def _forward(self, drop: Array, *gates: Array) -> tuple[Array, Array, Sequence[Array]]:
        gate, bulk = gates
        still = np.sqrt(self._surface)
        root = np.where(bulk <= 0, np.sqrt(self._surface - np.minimum(bulk, 0.0)), np.maximum(still - bulk / (2 * still), 0.0))
        falls = np.where(root > 0, 1 / (2 * np.where(bulk <= 0, root, still)), 0.0)
        on = np.maximum(gate - self._flat - self._body * root, 0.0)
        seen = np.minimum(drop, on)
        steep = self._steep * (1 + self._modulation * drop)
        core, by_gate = on * seen - seen * seen / 2, steep * seen
        by_drop = steep * (on - seen) + self._steep * self._modulation * core
        return steep * core, by_drop, (by_gate, by_gate * self._body * falls)


class JfetChannel(Channel):
    """Gate, with u = v_gs − V_T; u and Δv count where positive, Δv up to u:

        i = β (1 + λ v_ds) Δv [Δv (f Δv − b) + u (2 b + 3 f (u − Δv))],

    which is β (1 + λ v_ds) (2 u Δv − Δv²) for b = 1, f = 0 (Parker and Skellern's level 1 of SPICE).

    Args:
        transconductance: β (D,) A/V².
        modulation: λ (D,) 1/V.
        threshold: V_T (D,) V.
        tail: b (D,).
        bend: f (D,) 1/V.
    """

    def __init__(self, transconductance: Array, modulation: Array, threshold: Array, tail: Array, bend: Array) -> None:
        self._steep, self._modulation, self._threshold, self._tail, self._bend = (
            number[:, None] for number in (transconductance, modulation, threshold, tail, bend)
        )

    def _forward(self, drop: Array, *gates: Array) -> tuple[Array, Array, Sequence[Array]]:
        on = np.maximum(gates[0] - self._threshold, 0.0)
        seen = np.minimum(drop, on)
        part = 2 * self._tail + 3 * self._bend * (on - seen)
        core = seen * (seen * (self._bend * seen - self._tail) + on * part)
        steep = self._steep * (1 + self._modulation * drop)
        by_drop = steep * (on - seen) * part + self._steep * self._modulation * core
        return steep * core, by_drop, (steep * seen * (part + 3 * self._bend * on),)
