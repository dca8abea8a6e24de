"""What docs/howto/adapters.md shows is what works: its tables are read, and the whole station says the same."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from adapters import on_page, table
from benches import ROOT

from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import roles_of
from hwlearn.lab.instruments.settings import InstrumentTable

PAGE = (ROOT / "docs" / "howto" / "adapters.md").read_text(encoding="utf-8")
BLOCKS = [tomllib.loads(block)["instrument"] for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
ROLES = {"source": "Source", "scanner": "Scanner", "box": "ResistorBox", "meter": "SourceMeter"}


@pytest.mark.parametrize("name", ["smu", "dac", "dmm", "pots", "card"])
def test_each_table_of_the_page_makes_an_instrument_of_its_roles(name):
    found = 0
    for given in (block[name] for block in BLOCKS if name in block):
        whole = {"driver": next(iter(given)) if "driver" not in given else given["driver"], **given}
        told = whole.get(whole["driver"], {})
        if whole["driver"] == "qcodes":
            told.setdefault("class", "qcodes.instrument_drivers.Any")
        driver = DRIVERS.get(whole["driver"]).fitted(InstrumentTable.model_validate(whole))
        wanted = {role for key, role in ROLES.items() if key in told} or {"Source", "Scanner"}
        assert wanted <= set(roles_of(driver))
        found += 1
    assert found


def test_the_whole_station_has_the_source_meter_of_the_page(tmp_path):
    station = tomllib.loads((ROOT / "stations" / "adapters.toml").read_text(encoding="utf-8"))["instrument"]["smu"]["qcodes"]
    assert {key: value for key, value in station.items() if key != "twin"} == table(
        on_page("instrument.smu"), tmp_path
    ).qcodes.model_dump(by_alias=True, exclude_unset=True)


@pytest.mark.parametrize("library", ["qcodes", "pymeasure", "nidaqmx", "ophyd-async"])
def test_each_library_has_its_pip_command_and_its_extra(library):
    assert re.search(rf"^pip install (.* )?{library}\b", PAGE, re.MULTILINE)
    project = tomllib.loads((Path(ROOT) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one.partition(">")[0] for one in project["optional-dependencies"][library]] == [library]
    assert library in "".join(project["optional-dependencies"]["adapters"])


def test_a_station_is_read_without_the_libraries_that_it_names():
    script = (
        "import sys; from hwlearn.lab.station import load_station; load_station(sys.argv[1], trust=True); print(*sys.modules)"
    )
    command = [sys.executable, "-c", script, str(ROOT / "stations" / "adapters.toml")]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert "hwlearn.lab.instruments.drivers.qcodes" in imported
    assert not {"qcodes", "pymeasure", "nidaqmx", "ophyd_async", "digipots"} & set(imported)
