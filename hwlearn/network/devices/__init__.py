"""Devices are laws, one file each: terminals, parameters, currents and slopes, netlist cards, words."""

from hwlearn.network.devices.bias import Bias
from hwlearn.network.devices.branches import Branches, Placed, branches_by_law
from hwlearn.network.devices.device import CONDUCTANCE, DEVICES, GATE_VOLTAGE, Device, EdgeDevice, ElementDevice, Parameter
from hwlearn.network.devices.diode import Diode
from hwlearn.network.devices.ideal_diode import IdealDiode
from hwlearn.network.devices.ion_drift import IonDrift
from hwlearn.network.devices.law import Branch, Law, Limiter
from hwlearn.network.devices.memristor import STATE, Memristor, Motion, Motions
from hwlearn.network.devices.netlist import Card, Cards, EdgeRead, Names, NetlistAround
from hwlearn.network.devices.resistor import Resistor
from hwlearn.network.devices.table import IVTable
from hwlearn.network.devices.ties import Mirror, Tie
from hwlearn.network.devices.transistor import Transistor
from hwlearn.network.devices.vteam import VTEAM, ExponentialVTEAM

__all__ = [
    "CONDUCTANCE",
    "DEVICES",
    "GATE_VOLTAGE",
    "STATE",
    "VTEAM",
    "Bias",
    "Branch",
    "Branches",
    "Card",
    "Cards",
    "Device",
    "Diode",
    "EdgeDevice",
    "EdgeRead",
    "ElementDevice",
    "ExponentialVTEAM",
    "IVTable",
    "IdealDiode",
    "IonDrift",
    "Law",
    "Limiter",
    "Memristor",
    "Mirror",
    "Motion",
    "Motions",
    "Names",
    "NetlistAround",
    "Parameter",
    "Placed",
    "Resistor",
    "Tie",
    "Transistor",
    "branches_by_law",
]
