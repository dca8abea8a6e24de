"""Elements at random, for laws that must agree with ngspice in any circuit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwlearn import Diode, Element, ElementDevice, Network
from hwlearn.network.devices import VTEAM, IonDrift, Memristor, Names
from hwlearn.network.devices.bipolar import NPN, PNP, Bipolar
from hwlearn.network.devices.jfet import NJF, PJF, Jfet
from hwlearn.network.devices.mosfet import NMOS, PMOS, Mosfet
from hwlearn.network.devices.table import IVTable

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


def mosfet(random: np.random.Generator, name: str, nodes: tuple[str, ...]) -> Mosfet:
    """Of either polarity, with everything that matters at DC."""
    kind = (NMOS, PMOS)[random.integers(2)]
    ends = 10 ** random.uniform(-16, -12, 2)
    return kind(
        name,
        nodes,
        multiplier=random.uniform(1, 4),
        temperature=random.uniform(-20, 100),
        transconductance=10 ** random.uniform(-5, -2.5),
        threshold=random.uniform(-1, 1),
        modulation=float(random.choice([0.0, random.uniform(0, 0.2)])),
        drain_resistance=float(random.choice([0.0, 10 ** random.uniform(1, 3)])),
        source_resistance=float(random.choice([0.0, 10 ** random.uniform(1, 3)])),
        body=float(random.choice([0.0, random.uniform(0, 1)])),
        surface=random.uniform(0.3, 1),
        drain_saturation=float(ends[0]),
        source_saturation=float(ends[random.integers(2)]),
    )


def jfet(random: np.random.Generator, name: str, nodes: tuple[str, ...]) -> Jfet:
    """Of either polarity, with everything that matters at DC."""
    kind = (NJF, PJF)[random.integers(2)]
    tail = float(random.choice([1.0, random.uniform(0.5, 1)]))
    threshold = random.uniform(-2, -0.3)
    return kind(
        name,
        nodes,
        multiplier=random.uniform(1, 4),
        temperature=random.uniform(-20, 100),
        transconductance=10 ** random.uniform(-5, -2.5),
        threshold=threshold,
        modulation=float(random.choice([0.0, random.uniform(0, 0.2)])),
        drain_resistance=float(random.choice([0.0, 10 ** random.uniform(1, 3)])),
        source_resistance=float(random.choice([0.0, 10 ** random.uniform(1, 3)])),
        tail=tail,
        bend=(1 - tail) / (random.uniform(0.6, 1) - threshold),
        saturation=10 ** random.uniform(-16, -12),
    )


def bipolar(random: np.random.Generator, name: str, nodes: tuple[str, ...]) -> Bipolar:
    """Of either polarity, with or without each of what matters at DC."""

    def maybe(value: float) -> float:
        return value * random.integers(2)

    kind, resistance = (NPN, PNP)[random.integers(2)], maybe(10 ** random.uniform(1, 3))
    substrate = maybe(10 ** random.uniform(-16, -14))
    return kind(
        name,
        nodes,
        multiplier=random.uniform(1, 4),
        temperature=random.uniform(-20, 100),
        forward_saturation=10 ** random.uniform(-17, -13),
        reverse_saturation=10 ** random.uniform(-17, -13),
        forward_gain=10 ** random.uniform(1, 2.5),
        reverse_gain=10 ** random.uniform(-0.5, 1),
        forward_emission=random.uniform(0.95, 1.3),
        reverse_emission=random.uniform(0.95, 1.3),
        forward_early=maybe(random.uniform(20, 100)),
        reverse_early=maybe(random.uniform(10, 50)),
        forward_knee=maybe(10 ** random.uniform(-3, -1)),
        reverse_knee=maybe(10 ** random.uniform(-3, -1)),
        knee_exponent=float(random.choice([0.5, random.uniform(0.3, 1)])),
        emitter_leak=maybe(10 ** random.uniform(-15, -12)),
        emitter_leak_emission=random.uniform(1.3, 2.2),
        collector_leak=maybe(10 ** random.uniform(-15, -12)),
        collector_leak_emission=random.uniform(1.3, 2.2),
        base_resistance=resistance,
        least_base_resistance=resistance * float(random.choice([1.0, random.uniform(0.1, 1)])),
        crowding_current=0.0 if substrate else maybe(10 ** random.uniform(-5, -3)),  # ngspice rounds it to 3e-8 there
        collector_resistance=maybe(10 ** random.uniform(0, 2)),
        emitter_resistance=maybe(10 ** random.uniform(0, 1.5)),
        substrate_saturation=substrate,
        substrate_emission=random.uniform(1, 1.3),
        substrate_beside=str(random.choice(["collector", "base"])),
    )


def table(random: np.random.Generator, name: str, nodes: tuple[str, ...], most: int = 12) -> IVTable:
    """Of 2 to so many points, somewhere as flat as an insulator, somewhere steep."""
    count = random.integers(2, most + 1)
    volts = np.cumsum(random.uniform(0.02, 0.4, count))
    amperes = np.cumsum(10 ** random.uniform(-7, -3, count))
    at = random.integers(count)
    return IVTable(name, nodes, tuple((volts - volts[at]).tolist()), tuple((amperes - amperes[at]).tolist()))


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


def with_memristors(network: Network, seed: int) -> Network:
    """Each other edge as a memristor of its conductance, of either law."""
    random, devices = np.random.default_rng(seed), list[Memristor]()
    for name, g in zip(network.edge_names[::2], network.conductances[::2].tolist(), strict=True):
        low, high = 1 / g / random.uniform(1.1, 50), 1 / g * random.uniform(1.1, 50)
        devices.append((IonDrift, VTEAM)[random.integers(2)](name, low, high))
    bounds = {"lower": network.conductances / 2, "upper": network.conductances * 2}
    place = {name: k for k, name in enumerate(network.edge_names)}
    for device in devices:
        k, (low, high) = place[device.edge], device.limits
        bounds["lower"][k], bounds["upper"][k] = max(bounds["lower"][k], low), min(bounds["upper"][k], high)
    return replace(network, devices=tuple(devices), **bounds)
