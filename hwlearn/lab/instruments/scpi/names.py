"""Names of instruments: one spelling for each VISA resource, and the serial number that an instrument tells."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress

import pyvisa


def canonical(resource: str) -> str:
    """One spelling of a resource: its host by number, its ids in hexadecimal, all parts that may be left out."""
    upper = re.sub(r"^[A-Za-z]+|::[A-Za-z]+$", lambda match: match[0].upper(), resource.strip())
    if upper.startswith("ASRL/"):  # a device file, perhaps by one of its links
        return f"ASRL{os.path.realpath(upper.removeprefix('ASRL').removesuffix('::INSTR'))}::INSTR"
    try:
        name = pyvisa.rname.ResourceName.from_string(upper)
    except (pyvisa.errors.Error, ValueError):
        return upper.upper()
    if name.interface_type == "TCPIP":
        place = getattr(name, "port", None) or getattr(name, "lan_device_name", "")
        return f"TCPIP::{_address(getattr(name, 'host_address', ''))}::{place}".lower()
    return "::".join(map(_number, str(name).upper().replace("ASRLCOM", "ASRL").split("::")))


def _address(host: str) -> str:
    """A host by number, the same for all its names; as it is written if nobody knows it."""
    for family in (socket.AF_INET, socket.AF_UNSPEC):  # "localhost" has a number of each kind
        with suppress(OSError):
            return str(socket.getaddrinfo(host, None, family, proto=socket.IPPROTO_TCP)[0][4][0])
    return host


def _number(part: str) -> str:
    """A number as others write it, 0x5E6 for 0x05E6 and 1510; a serial number keeps its zeros, for it is a name."""
    if re.fullmatch("0X[0-9A-F]{1,4}", part):
        return f"{int(part, 16)}"
    return str(int(part)) if re.fullmatch("[0-9]{1,5}", part) else part


def serial_number(identity: str) -> str:
    """Maker, model and serial number of an answer to `*IDN?`; empty if the number is no name, as 0 or 1 is none."""
    fields = [field.strip().upper() for field in identity.split(",")]
    if len(fields) < 3 or not re.search("[1-9]", fields[2]) or len(fields[2]) < 5:
        return ""
    return ",".join(fields[:3])
