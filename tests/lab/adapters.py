"""Stations of instruments that drivers of other people speak to, on the virtual bench of the 4×4 grid."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from benches import NETWORK, ROOT, STATION, changed

from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.toml import STATION as KIND
from hwlearn.toml import read_toml

EXACT = [("noise_v = 20e-6", "noise_v = 0"), ("lsb_v = 5e-6", "lsb_v = 0"), ("dac_bits = 16", ""), ("pot_tolerance = 0.2", "")]


def needs(library):
    """Skip a file of tests where a library is not installed; to import it takes a second, in each process that collects."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install {library.replace('_', '-')}", allow_module_level=True)


def virtual_bench(folder):
    """The bench of stations/allostery.toml, exact."""
    path = folder / "station.toml"
    path.write_text(changed(STATION, *EXACT), encoding="utf-8")
    return VirtualBench(NETWORK, load_station(path))


def table(text, folder):
    """`[instrument.X]` of some text."""
    path = Path(folder) / "table.toml"
    path.write_text("instrument = 1\n[table]\n" + text, encoding="utf-8")
    return InstrumentTable.model_validate(read_toml(path, KIND, ValueError)[1]["table"])


def made(driver, given, resource=None, name="it", folder=Path(), timeout=20.0):
    """A connected instrument."""
    return driver.fitted(given).connect(Setup(name, given, resource, timeout_s=timeout, folder=Path(folder)))


def on_page(name):
    """The table of docs/howto/adapters.md that begins with this name, as text for `table`."""
    page = (ROOT / "docs" / "howto" / "adapters.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if block.startswith(f"[{name}]")]
    return "\n".join(
        line for line in block.replace(f"[{name}]\n", "").splitlines() if not line.startswith("resource")
    ).replace(f"[{name}.", "[table.")
