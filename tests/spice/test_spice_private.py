"""hwlearn's ngspice is its own: forks, a user's PySpice and folders that cannot be written do not matter to it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import LibraryNotFoundError, NetlistError
from hwlearn.spice import memory
from hwlearn.spice.library import find_library
from hwlearn.spice.private import PrivateLibrary

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc")

CIRCUIT = """
import os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np

def ours(processes=1):
    from hwlearn import Drive, NgspiceCircuit
    from hwlearn.network.builders import grid
    return NgspiceCircuit(grid(3, 3, np.linspace(1e-3, 2e-3, 12), outputs=["n1_1"]), processes=processes)

def answer(circuit):
    from hwlearn import Drive, ExactCircuit
    drive = Drive([[1.0, 0.0], [0.5, -0.2]])
    got, right = circuit.measure(drive).node_voltages, ExactCircuit(circuit.network).measure(drive).node_voltages
    return bool(np.allclose(got, right, rtol=0, atol=1e-12))

def theirs():
    from PySpice.Spice.Netlist import Circuit
    circuit = Circuit("divider")
    circuit.V("in", "a", circuit.gnd, 3)
    circuit.R(1, "a", "b", 1e3)
    circuit.R(2, "b", circuit.gnd, 2e3)
    found = circuit.simulator().operating_point()
    return bool(np.allclose(float(found["b"][0]), 2.0))
"""


def run(code: str, **variables: str) -> str:
    """What a new Python prints that runs the code, without the variable that tells where the library is."""
    environment = {name: value for name, value in os.environ.items() if name != "NGSPICE_LIBRARY_PATH"} | variables
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", CIRCUIT + code], capture_output=True, text=True, check=False, env=environment, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


FORK = """
import signal
circuit, split = ours(), ours(processes=2)
assert answer(circuit) and answer(split)
child = os.fork()
if child == 0:
    signal.alarm(150)
    right = answer(circuit) and answer(split) and answer(ours())
    del circuit, split
    os._exit(0 if right else 1)
assert answer(circuit) and answer(split)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answer(circuit), answer(split))
"""


@POSIX
def test_a_circuit_made_before_a_fork_measures_in_both_processes():
    assert run(FORK) == "0 True True"


FORK_WITHIN = """
import signal, threading
circuit = ours()
from hwlearn.spice.session import session
inside, go_on = threading.Event(), threading.Event()
threading.Thread(target=lambda: session().run(lambda shared: (inside.set(), go_on.wait()))).start()
inside.wait()
child = os.fork()
if child == 0:
    signal.alarm(150)
    os._exit(0 if answer(circuit) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go_on.set()
"""


@POSIX
def test_a_fork_while_ngspice_is_at_work():
    assert run(FORK_WITHIN) == "0"


ORDERS = {
    "hwlearn first": "one = ours(); print(answer(one), theirs(), answer(one), theirs(), answer(ours()))",
    "PySpice imported first": """
import PySpice.Spice.NgSpice.Shared
one = ours(); print(answer(one), theirs(), answer(one), theirs(), answer(ours()))""",
    "PySpice first": f"""
os.environ["NGSPICE_LIBRARY_PATH"] = {find_library()!r}
first = theirs(); one = ours(); print(first, answer(one), theirs(), answer(one), theirs())""",
    "by its bare name": f"""
os.environ["NGSPICE_LIBRARY_PATH"] = {Path(find_library()).name!r}
one = ours(); print(answer(one), theirs(), answer(one), theirs(), answer(ours()))""",
    "after an unreadable netlist": """
from hwlearn.spice.session import session
one, first = ours(), theirs()
try:
    session().run(lambda shared: session().add(shared, object(), ["t", "r1 a 0 {nope}", "v1 a 0 1", ".end"]))
except Exception as error:
    assert "nope" in str(error)
print(first, answer(one), theirs(), answer(one), theirs())""",
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_users_pyspice_in_the_same_process(order):
    assert run(ORDERS[order]) == "True True True True True"


@LINUX
def test_the_working_directory_and_the_environment_stay(tmp_path):
    """ngspice's thread may have a working directory of its own."""
    code = """
import socket  # Python 3.13.0 cannot import it from a folder that is gone
real, here = os.chdir, f"/proc/{os.getpid()}/cwd"
real(os.environ["HERE"]); os.rmdir(os.environ["HERE"])
before = os.readlink(here)
def watched(*arguments):
    real(*arguments)
    assert os.readlink(here) == before, "the working directory of a process belongs to its user"
os.chdir = watched
print(answer(ours()), "SPICE_USERINIT_DIR" in os.environ, os.readlink(here) == before)"""
    here = tmp_path / "here"
    here.mkdir()
    assert run(code, HERE=str(here)) == "True False True"


@LINUX
def test_no_folder_for_temporary_files_is_needed():
    assert run("import tempfile; tempfile.tempdir = '/proc'; print(answer(ours()))") == "True"


@LINUX
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    code = """
import resource
from hwlearn.errors import LibraryNotFoundError
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    ours()
except LibraryNotFoundError as error:
    print(error)"""
    said = run(code, TMPDIR=str(tmp_path))
    assert "a copy of " in said
    assert "set TMPDIR to a folder" in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())


class NoExec:
    """cffi on a file system from which nothing may be run."""

    def dlopen(self, name: str) -> None:
        raise OSError(f"cannot load library '{name}': failed to map segment from shared object")


def test_a_folder_from_which_nothing_may_be_run_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delattr("os.memfd_create", raising=False)
    with pytest.raises(
        LibraryNotFoundError, match=r"failed to map segment.* set TMPDIR to a folder from which programs may be run"
    ):
        PrivateLibrary(NoExec(), find_library())
    assert not list(tmp_path.iterdir())


def test_without_memory_files_a_temporary_one_serves_and_goes(tmp_path):
    code = "import tempfile; tempfile.tempdir = os.environ['AT']; del os.memfd_create; print(answer(ours()))"
    assert run(code, AT=str(tmp_path)) == "True"
    assert os.name != "posix" or not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_library_that_is_none_is_one_line(tmp_path):
    (tmp_path / "libngspice.so").write_text("text")
    code = """
from hwlearn.errors import LibraryNotFoundError
try:
    ours()
except LibraryNotFoundError as error:
    print(error)"""
    for name in (str(tmp_path / "libngspice.so"), "libnothing.so.7"):
        said = run(code, NGSPICE_LIBRARY_PATH=name)
        assert name in said
        assert len(said.splitlines()) == 1


@LINUX
def test_an_unreadable_netlist_gives_its_library_back(tmp_path):
    path = tmp_path / "bad.cir"
    path.write_text("t\nV1 a 0 1\nR1 a 0 {nope}\n")

    def state() -> tuple[int, int]:
        maps = Path("/proc/self/maps").read_text().splitlines()
        return sum("memfd:ngspice" in line for line in maps), len(list(Path("/proc/self/fd").iterdir()))

    seen = set()
    for _ in range(4):
        with pytest.raises(NetlistError, match="nope"):
            Network.from_netlist(path)
        seen.add(state())
    assert len(seen) == 1


def test_without_cffis_private_module_memmove_is_the_public_one(monkeypatch):
    with monkeypatch.context() as inside:
        inside.delattr("_cffi_backend.memmove")
        importlib.reload(memory)
    try:
        copy = bytearray(3)
        memory.memmove(copy, b"abc", 3)
        assert copy == b"abc"
        assert memory.memmove.__name__ == "memmove"
        assert memory.memmove.__module__ == "cffi.api"
    finally:
        importlib.reload(memory)


def test_no_word_of_the_library_is_lost(tmp_path: Path) -> None:
    """Linkers store "rc", a bipolar transistor's resistance, as the end of "spice.rc"; one outside does the same."""
    outputs = []
    for model, outside in (("rc=1k", "1u"), ("rc=1u", "1k")):
        path = tmp_path / "saturated.cir"
        path.write_text(
            "* saturated\nVc s 0 5\nVb d 0 3\nRc s c 2.2k\nRb d b 10k\n"
            f"Ro c i {outside}\nQ1 i b 0 m\n.model m npn({model})\n.end\n"
        )
        network = Network.from_netlist(path, inputs=["Vc"], outputs=["c"])
        with NgspiceCircuit(network) as circuit:
            outputs.append(circuit.measure(Drive([[5.0]])).output_voltages[0, 0])
    assert outputs[1] > 1
    assert outputs[0] == pytest.approx(outputs[1], rel=1e-6)
