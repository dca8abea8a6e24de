"""What the exact model leaves out of a netlist, as it changes nothing at DC."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hwlearn.netlist.cards import words
from hwlearn.netlist.laws import read_elements
from hwlearn.network.devices.models import models_of, parameters_of

if TYPE_CHECKING:
    from hwlearn.network import Network


START = frozenset({"ic", "off", "on", "icvbe", "icvce", "icvds", "icvgs", "icvbs", "ic-vds", "ic-vgs"})
"""What a card says of where a simulation starts."""


class Ignored(NamedTuple):
    """Elements that carry no current and tie nothing, such as capacitors; parameters, by model; and of other elements' cards,
    elements by parameter.
    """

    elements: tuple[str, ...]
    parameters: dict[str, tuple[str, ...]]
    starts: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        models = (f"{', '.join(names)} of model {model}" for model, names in self.parameters.items())
        starts = (f"{name} of {', '.join(elements)}" for name, elements in self.starts.items())
        return "; ".join(part for part in (", ".join(self.elements), *models, *starts) if part)


def ignored(network: Network) -> Ignored:
    """Of the elements that a law reads; ngspice has all of it."""
    found, _ = read_elements(network.elements, network.directives, network.laws, network.nodes)
    cards = {element.name: element for element in network.elements}
    models = models_of(network.directives)
    parameters: dict[str, tuple[str, ...]] = {}
    starts: dict[str, tuple[str, ...]] = {}
    for device in found:
        element = cards[device.name]
        rest = words(element.card.lower())[1 + len(element.nodes) :]
        if rest and rest[0] in models and rest[0] not in parameters:
            given = parameters_of(models[rest[0]][1])
            parameters[rest[0]] = tuple(name for name in given if name in device.ignored)
        if device.branches or device.ties or device.mirrors:
            for name in dict.fromkeys(word.partition("=")[0] for word in rest[1:]):
                if name in START:
                    starts[name] = (*starts.get(name, ()), device.name)
    return Ignored(
        tuple(device.name for device in found if not (device.branches or device.ties or device.mirrors)),
        {model: names for model, names in parameters.items() if names},
        starts,
    )
