"""Error against power: a term for the power of the free phase beside the loss."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.errors import HwlearnError
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task
from hwlearn.network import Network


class LowPower(Remedy):
    """A voltage rule that also brings down the power P of its free phase: ġ = ġ of the rule − λ ∂P/∂g.

    P = Σ_e g_e Δv_e² is what the sources give, mean over the samples. Voltage sources leave a circuit at the minimum of P over
    its free potentials (Dirichlet), so ∂P/∂g_e = Δv_e², which the edge itself sees. Where only currents drive it,
    ∂P/∂g_e = −Δv_e². Where both do, the edge cannot tell. So EP descends ℓ + λP. For coupled learning it is the rule of Stern,
    Dillavou, Jayaraman, Durian and Liu, "Training self-learning circuits for power-efficient solutions", APL Mach. Learn. 2,
    016114 (2024). Near a solution the error that is left grows with λ, and its square with λ².

    The loss that is told is that of the rule, without the power.

    Args:
        rule: EP, CL or full clamp, with any loss.
        power: λ, in the unit of the direction per V²: Ω for EP, none for CL and full clamp.

    Raises:
        HwlearnError: a rule that observes currents, or a negative number.
    """

    def __init__(self, rule: Rule, power: float) -> None:
        base = rule
        while isinstance(base, Remedy):
            base = base.rule
        if not (isinstance(base, TableRule) and base.observes == "voltage"):
            raise HwlearnError(f"a term for power needs a rule that leaves the outputs open (ep, cl, clamp), not {rule!r}")
        if not (np.isfinite(power) and power >= 0):
            raise HwlearnError(f"power is {power}; it must be 0 or more")
        self.power = float(power)
        super().__init__(rule)

    def __repr__(self) -> str:
        return f"LowPower({self.rule!r}, power={self.power})"

    def read(self, circuit: Circuit, task: Task) -> Reading:
        network = circuit.network
        slope = _slope(network)
        reading = self.rule.read(circuit, task)
        free = reading.free if reading.free is not None else circuit.measure(Drive(task.inputs, self.free(task.targets)))
        saved = slope * self.power * free.mean_square_drops()
        saved[network.fixed] = 0.0
        return reading._replace(direction=reading.direction - saved)


def _slope(network: Network) -> int:
    """Sign of ∂P/∂g_e."""
    if not network.linear:
        raise HwlearnError("a term for power needs a network of resistors alone: elsewhere an edge does not see what it costs")
    kinds = {source.kind for source in network.inputs} | {source.kind for source in network.fixed_sources if source.value}
    if len(kinds) > 1:
        raise HwlearnError("a term for power needs voltage sources alone, or current sources alone: of both, no edge can tell")
    return -1 if kinds == {"current"} else 1
