"""Elements at random, for laws that must agree with ngspice in any circuit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwlearn import Diode, Element, ElementDevice, Network
from hwlearn.network.devices import Names

Maker = Callable[[np.random.Generator, str, tuple[str, ...]], ElementDevice]


def real_diode(random: np.random.Generator, name: str, nodes: tuple[str, ...]) -> Diode:
    """With everything that matters at DC."""
    return Diode(
        name,
        nodes,
        saturation=10 ** random.uniform(-15, -9),
        emission=random.uniform(1, 2),
        resistance=10 ** random.uniform(1.5, 3),
        breakdown=random.uniform(1, 2.7),
        breakdown_current=10 ** random.uniform(-5, -3),
        breakdown_emission=float(random.choice([0.0, 1.5])),
        knee=float(random.choice([0.0, 1e-3])),
        reverse_knee=float(random.choice([0.0, 1e-2])),
        gap=random.uniform(0.6, 1.3),
        exponent=random.uniform(0, 4),
        area=random.uniform(0.5, 3),
        multiplier=random.uniform(1, 4),
        temperature=random.uniform(-20, 100),
        nominal=random.uniform(20, 50),
    )


def with_law(network: Network, seed: int, make: Maker, terminals: int, count: int = 3) -> Network:
    """Such elements between nodes at random, each with a model of its own."""
    random = np.random.default_rng(seed)
    nodes = tuple(dict.fromkeys((*network.nodes, "0")))
    elements, directives = [], []
    for k in range(count):
        ends = tuple(map(str, random.choice(nodes, terminals, terminals > len(nodes))))
        device = make(random, f"X{k}", ends)
        names = Names(
            f"{device.letter}{k}", tuple(map(str.lower, ends)), lambda letter, wanted, k=k: f"{letter}own{k}{wanted}"
        )
        *models, card = device.cards(names)
        directives += models
        elements.append(Element(f"{device.letter}{k}", card, ends, "here"))
    return replace(
        network, nodes=nodes, elements=(*network.elements, *elements), directives=(*network.directives, *directives)
    )
