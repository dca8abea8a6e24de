"""`episodes`: a circuit that acts learns what its actions are worth (Q-learning)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array, seed_of
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.errors import HwlearnError
from hwlearn.learning.arguments import check_circuit, check_count, check_rule
from hwlearn.learning.environment import Environment
from hwlearn.learning.limits import Limits
from hwlearn.learning.parameters import CONDUCTANCES, setting_slopes
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True, eq=False)
class EpisodesResult:
    """Actions of a circuit, and what they brought.

    Attributes:
        conductances: (E,) S, as the circuit realised them; it is left with these.
        rewards: (steps,) V. actions: (steps,), counted from 0.
        losses: (updates,) the loss that the rule observed before each update [`Rule.loss_unit`].
    """

    conductances: Array
    rewards: Array
    actions: NDArray[np.intp]
    losses: Array

    def __repr__(self) -> str:
        last = self.rewards[-max(len(self.rewards) // 10, 1) :]
        mean = float(last.mean()) if len(last) else math.nan
        return f"<EpisodesResult: {len(self.rewards)} actions, mean reward of the last tenth {mean:.4g} V>"


def episodes(
    circuit: Circuit,
    environment: Environment,
    rule: Rule,
    *,
    steps: int,
    learning_rate: float,
    batch_size: int = 50,
    discount: float = 0.5,
    explore: tuple[float, float] = (0.1, 0.0),
    parameter: str = "conductance",
    largest: float = math.inf,
    restart: int | None = None,
    seed: int = 0,
) -> EpisodesResult:
    """Let a circuit act and learn: output a comes to be what action a is worth, and the highest output acts.

    The next inputs depend on the outputs, since an action leads to the next state. After an action a with reward r, the
    target of output a is

        r + discount × (max o′ − mean o′), with o′ the outputs in the next state,

    and those of the other outputs are what they read. As in Dillavou's physical Q-learning (github.com/sdillavou/
    PhysicalReinforcementLearning); the mean is taken off since it is easier to reach by a small network. Conductances stay
    for `batch_size` actions. So a state is measured once in that time, and the nudged phases of a batch are one.

    Args:
        circuit: has an output for each action.
        environment: takes actions.
        rule: learns each batch, as in `train`.
        steps: number of actions.
        learning_rate: α of plain steps with the batch's mean direction.
        batch_size: actions between updates.
        discount: weight of the next state in a target, from 0 to below 1.
        explore: part of the actions that are drawn at random, at the start and at the end, linear in between.
        parameter: as in `train`.
        largest: the most by which an update may change a parameter, in the unit of the parameter.
        restart: number of actions after which the environment starts anew; never if not given.
        seed: of environment and exploration.

    Raises:
        HwlearnError: an argument that makes no sense, or another number of actions than outputs.
        SimulationError: a phase could not be measured.
    """
    check_circuit(circuit)
    check_rule(rule)
    check_count("steps", steps, 0)
    check_count("batch_size", batch_size, 1)
    network = circuit.network
    _check(environment, network, learning_rate, discount, explore, largest)
    course = _Course(circuit, environment, steps, discount, explore, np.random.default_rng(seed_of(seed)))
    limits, wanted, losses = Limits(*circuit.bounds, network.trainable), circuit.conductances, list[float]()
    for first in range(0, steps, batch_size):
        batch = [
            course.step(step, anew=bool(restart) and step % (restart or 1) == 0) for step in range(first, steps)[:batch_size]
        ]
        reading = rule.read(circuit, Task(*map(np.array, zip(*batch, strict=True))))
        losses.append(reading.loss)
        change = _change(network, parameter, wanted, reading.direction, learning_rate, largest)
        wanted, _ = limits.moved(wanted, change, counting=False)
        circuit.program(wanted)
        course.known.clear()
    return EpisodesResult(circuit.conductances, course.rewards, course.actions, np.array(losses))


class _Course:
    """A circuit in its environment.

    Attributes:
        known: the outputs (n_out,) V for inputs that were met since the circuit was programmed.
        rewards, actions: see `EpisodesResult`.
    """

    def __init__(
        self,
        circuit: Circuit,
        environment: Environment,
        steps: int,
        discount: float,
        explore: tuple[float, float],
        random: np.random.Generator,
    ) -> None:
        self.circuit, self.environment, self.random = circuit, environment, random
        self.discount, self.explore = discount, np.linspace(*explore, steps, endpoint=False)
        self.known: dict[bytes, Array] = {}
        self.rewards, self.actions = np.empty(steps), np.empty(steps, dtype=np.intp)
        self._inputs: Array | None = None

    def step(self, number: int, *, anew: bool) -> tuple[Array, Array]:
        """Act once; the inputs (n_in,) of that, and the targets (n_out,) that it teaches."""
        if anew or self._inputs is None:
            self._inputs = np.array(self.environment.start(self.random), dtype=np.float64)
        inputs = self._inputs
        outputs = self._outputs(inputs)
        if self.random.random() < self.explore[number]:
            action = int(self.random.integers(self.environment.actions))
        else:
            action = int(outputs.argmax())
        reward, following = self.environment.act(action, self.random)
        self._inputs = np.array(following, dtype=np.float64)
        self.actions[number], self.rewards[number] = action, reward
        ahead, targets = self._outputs(self._inputs), outputs.copy()
        targets[action] = reward + self.discount * (ahead.max() - ahead.mean())
        return inputs, targets

    def _outputs(self, inputs: Array) -> Array:
        key = inputs.tobytes()
        if key not in self.known:
            self.known[key] = self.circuit.measure(Drive(inputs)).output_voltages[0]
        return self.known[key]


def greedy(circuit: Circuit, inputs: Array) -> NDArray[np.intp]:
    """(K,) the action that a circuit takes in each state, without exploring, for inputs (K, n_in)."""
    return np.asarray(circuit.measure(Drive(inputs)).output_voltages.argmax(axis=1), dtype=np.intp)


def _change(network: Network, parameter: str, wanted: Array, direction: Array, rate: float, largest: float) -> Array:
    """(E,) S: a plain step of the parameter, none larger than `largest`."""
    if parameter == "conductance":
        slopes = np.ones(len(wanted))
    elif parameter in CONDUCTANCES:
        return np.asarray(wanted * np.expm1(np.clip(rate * wanted * direction, -largest, largest)))
    else:
        slopes = setting_slopes(network, parameter, wanted)
    return np.asarray(slopes * np.clip(rate * slopes * direction, -largest, largest))


def _check(
    environment: Environment,
    network: Network,
    learning_rate: float,
    discount: float,
    explore: tuple[float, float],
    largest: float,
) -> None:
    if not isinstance(environment, Environment):
        raise HwlearnError(f"environment is {environment!r}; give an Environment, such as FiniteEnvironment(…)")
    if environment.actions != len(network.outputs):
        raise HwlearnError(f"{environment.actions} actions for {len(network.outputs)} outputs: each output stands for one")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise HwlearnError(f"learning_rate is {learning_rate}; it must be positive")
    if not 0 <= discount < 1:
        raise HwlearnError(f"discount is {discount}; it must be 0 or more and below 1, or what is to come counts without end")
    if not all(0 <= part <= 1 for part in explore):
        raise HwlearnError(f"explore is {explore}; both are parts of the actions, 0 to 1")
    if not largest > 0:
        raise HwlearnError(f"largest is {largest}; it must be positive")
