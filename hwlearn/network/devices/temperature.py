"""Temperature: thermal voltage, silicon's band gap and saturation currents, with the constants of ngspice (CODATA 2014)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hwlearn.errors import DeviceError
from hwlearn.text import parse_number

BOLTZMANN = 1.38064852e-23
"""J/K."""

CHARGE = 1.6021766208e-19
"""C."""

KELVIN = 273.15
"""K at 0 °C."""

ROOM = 27.0
"""°C, where SPICE measures and simulates unless it is told otherwise."""


def thermal_voltage(celsius: float) -> float:
    """kT/q [V]."""
    return BOLTZMANN / CHARGE * (celsius + KELVIN)


def band_gap(celsius: float) -> float:
    """Silicon's [eV], as SPICE has it (Sze 1981)."""
    kelvin = celsius + KELVIN
    return 1.16 - 7.02e-4 * kelvin**2 / (kelvin + 1108)


def saturation_growth(celsius: float, nominal: float, gap: float, exponent: float, emission: float = 1.0) -> float:
    """IS(T)/IS(TNOM), for EG [eV] and XTI: exp((T/TNOM − 1) EG / N Vt) (T/TNOM)^(XTI/N)."""
    ratio = (celsius + KELVIN) / (nominal + KELVIN)
    raised = (ratio - 1) * gap / (emission * thermal_voltage(celsius)) + exponent / emission * math.log(ratio)
    return math.exp(raised)


def junction_potential(potential: float, celsius: float, nominal: float) -> float:
    """A built-in potential [V] (PB, PHI) at a temperature, for that at TNOM."""
    shift, before = _shift(celsius), _shift(nominal)
    at, of = (celsius + KELVIN) / (ROOM + KELVIN), (nominal + KELVIN) / (ROOM + KELVIN)
    return at * (potential - before) / of + shift


def _shift(celsius: float) -> float:
    kelvin, room = celsius + KELVIN, ROOM + KELVIN
    gaps = CHARGE * (-band_gap(celsius) / (2 * BOLTZMANN * kelvin) + 1.1150877 / (2 * BOLTZMANN * room))
    return -2 * thermal_voltage(celsius) * (1.5 * math.log(kelvin / room) + gaps)


def option(options: Mapping[str, str], name: str, default: float) -> float:
    """The number that one of the `.options` has, or its default.

    Raises:
        DeviceError: it is no number.
    """
    value = parse_number(options[name]) if name in options else default
    if value is None or not math.isfinite(value):
        raise DeviceError(f"the option {name} is {options[name]!r}; it must be a number")
    return value


def temperatures(options: Mapping[str, str], model: Mapping[str, float], card: Mapping[str, float]) -> tuple[float, float]:
    """(temperature, TNOM) [°C]: TEMP of a card, or else that of all plus DTEMP; TNOM of the model, or else that of all."""
    shifted = option(options, "temp", ROOM) + card.get("dtemp", 0.0)
    return card.get("temp", shifted), model.get("tnom", option(options, "tnom", ROOM))
