"""`Environment`: what a circuit acts on, and what it then meets."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.errors import TaskError


class Environment(ABC):
    """Meets a circuit with inputs, takes the action that its outputs choose, and answers with a reward and the next inputs.

    Attributes:
        actions: how many there are, one for each output of the circuit.
    """

    actions: int

    @abstractmethod
    def start(self, random: np.random.Generator) -> Array:
        """Begin anew; the first inputs (n_in,) [V, A for current inputs]."""

    @abstractmethod
    def act(self, action: int, random: np.random.Generator) -> tuple[float, Array]:
        """What an action, counted from 0, brings: the reward [V], and the next inputs (n_in,)."""


class FiniteEnvironment(Environment):
    """K states with a table of what each action brings: a Markov decision process that moves without chance.

    Args:
        inputs: (K, n_in) V, what the circuit meets in each state.
        rewards: (K, A) V, mean reward of each action.
        following: (K, A) the state that each action leads to, counted from 0.
        noise: standard deviation of a reward [V].

    Raises:
        TaskError: tables that do not fit each other.
    """

    def __init__(self, inputs: ArrayLike, rewards: ArrayLike, following: ArrayLike, noise: float = 0.0) -> None:
        self.inputs = np.array(inputs, dtype=np.float64)
        self.rewards = np.array(rewards, dtype=np.float64)
        self.following: NDArray[np.intp] = np.array(following, dtype=np.intp)
        self.noise = float(noise)
        if self.inputs.ndim != 2 or self.rewards.ndim != 2 or len(self.inputs) != len(self.rewards):
            raise TaskError(
                f"environment: inputs of shape {self.inputs.shape} and rewards of {self.rewards.shape}; give both a row for "
                "each state"
            )
        if self.following.shape != self.rewards.shape:
            raise TaskError(f"environment: following has shape {self.following.shape}, and rewards {self.rewards.shape}")
        if not np.isfinite(self.inputs).all() or not np.isfinite(self.rewards).all():
            raise TaskError("environment: inputs and rewards must be finite numbers")
        if self.following.min(initial=0) < 0 or self.following.max(initial=0) >= len(self.inputs):
            raise TaskError(f"environment: following has states beyond 0 to {len(self.inputs) - 1}")
        if not (np.isfinite(noise) and noise >= 0):
            raise TaskError(f"environment: noise is {noise}; it must be 0 V or more")
        self.actions = self.rewards.shape[1]
        self.state = 0

    def start(self, random: np.random.Generator) -> Array:
        """In a state drawn at random."""
        self.state = int(random.integers(len(self.inputs)))
        return self.inputs[self.state]

    def act(self, action: int, random: np.random.Generator) -> tuple[float, Array]:
        reward = float(self.rewards[self.state, action])
        self.state = int(self.following[self.state, action])
        if self.noise:
            reward += self.noise * random.standard_normal()
        return reward, self.inputs[self.state]

    def mean_reward(self, policy: ArrayLike, state: int = 0) -> float:
        """V per action in the long run, for the action `policy` (K,) of each state: the mean of the cycle that it ends in."""
        chosen = np.array(policy, dtype=np.intp)
        path = [state]
        while (state := int(self.following[state, chosen[state]])) not in path:
            path.append(state)
        cycle = path[path.index(state) :]
        return float(np.mean([self.rewards[k, chosen[k]] for k in cycle]))
