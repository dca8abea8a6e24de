"""Public decks, as data: fetched by apt and pip, solved by `ngspice -b` and by hwlearn, and compared.

python tests/support/corpus.py FOLDER      # fetches what is not there, and prints the counts
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

DECKS = {".cir", ".sp", ".spi", ".net", ".ckt"}
PACKAGES = ("PySpice==1.5",)
AGREED = 1e-6
"""Of the largest node voltage."""

TOLERANCES = {
    ".options reltol=1e-10 vntol=1e-12 abstol=1e-15": AGREED,
    ".options reltol=1e-7 vntol=1e-10 abstol=1e-13": AGREED,
    "*": 1e-3,
}
"""What is tried in turn, a deck's own win; and to what the answer is right, relative to the largest node voltage."""

DEBIAN = ("kicad-demos", "qucs-s")
"""Packages whose decks and libraries are tried where apt has them."""

LIBRARIES = {".lib", ".mod"}

_SUBCIRCUIT = re.compile(r"^\.subckt[ \t]+(\S+)((?:[ \t]+[^\s=]+)+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_MODEL = re.compile(r"^\.model\s+(\S+)\s+([a-z]+)", re.IGNORECASE | re.MULTILINE)
_CARDS = {
    "d": ("D", 2),
    "npn": ("Q", 3),
    "pnp": ("Q", 3),
    "njf": ("J", 3),
    "pjf": ("J", 3),
    "nmos": ("M", 4),
    "pmos": ("M", 4),
}
_PRINTED = re.compile(r"(\S+) = ([-+]?\d\.\d+e[-+]\d+|nan|inf|-inf)$", re.IGNORECASE | re.MULTILINE)
_ANALYSES = (".op", ".dc", ".ac", ".tran", ".tf", ".noise", ".sens", ".pz", ".disto", ".four", ".print", ".plot", ".save",
             ".meas", ".width", ".probe", ".sp", ".pss", ".end", ".control", ".endc")  # fmt: skip


def fetch(folder: Path) -> None:
    """Download and unpack the sources of Debian's ngspice, and PySpice's, into a folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob("ngspice*/")):
        with tempfile.TemporaryDirectory() as place:
            lists = Path(place, "s.list")
            lists.write_text("deb-src http://deb.debian.org/debian bookworm main\n")
            for inner in ("lists/partial", "cache/archives/partial"):
                Path(place, inner).mkdir(parents=True)
            options = [f"Dir::Etc::sourcelist={lists}", "Dir::Etc::sourceparts=-", f"Dir::State::lists={place}/lists",
                       f"Dir::Cache={place}/cache"]  # fmt: skip
            apt = ["apt-get", *(word for option in options for word in ("-o", option))]
            subprocess.run([*apt, "update"], check=True, capture_output=True)
            subprocess.run([*apt, "source", "--download-only", "ngspice"], cwd=place, check=True, capture_output=True)
            with tarfile.open(next(Path(place).glob("*.orig.tar.gz"))) as archive:
                archive.extractall(folder / "ngspice", filter="data")
    if not any(folder.glob("PySpice*/")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", folder, *PACKAGES]
        subprocess.run(command, check=True, capture_output=True)
        for path in folder.glob("PySpice*.tar.gz"):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")

    for package in DEBIAN:
        if not (folder / package).exists():
            _unpack(package, folder / package)
    for library in sorted(path for package in DEBIAN for path in (folder / package).rglob("*") if path.suffix in LIBRARIES):
        for name, text in _users(library):
            library.with_name(f"{library.stem}-{name}.cir").write_text(text, encoding="latin-1")


def _unpack(package: str, place: Path) -> None:
    """A package of Debian, unpacked into a folder, if apt has it."""
    with tempfile.TemporaryDirectory() as at:
        done = subprocess.run(
            [shutil.which("apt-get") or "apt-get", "download", package], cwd=at, capture_output=True, check=False
        )
        for deb in Path(at).glob("*.deb"):
            subprocess.run([shutil.which("dpkg-deb") or "dpkg-deb", "-x", deb, place], check=True, capture_output=True)
    if done.returncode:
        print(f"{package}: apt does not have it here; skipped", file=sys.stderr)


def _users(library: Path) -> Iterator[tuple[str, str]]:
    """A deck for each subcircuit of a library, or else for each model: all its terminals by 1 kΩ at voltages of their own."""
    text = library.read_text(encoding="latin-1")
    called = [("X1", name, len(ports.split())) for name, ports in _SUBCIRCUIT.findall(text)]
    single = [(_CARDS[kind.lower()], name) for name, kind in _MODEL.findall(text) if kind.lower() in _CARDS]
    for card, name, count in called or [(f"{letter}1", name, pins) for (letter, pins), name in single]:
        nodes = [f"n{k}" for k in range(count)]
        feeds = [f"V{k} s{k} 0 {0.7 * k}\nR{k} s{k} {node} 1k" for k, node in enumerate(nodes)]
        yield (
            name,
            "\n".join([f"* {library.name}", f".include {library.name}", *feeds, f"{card} {' '.join(nodes)} {name}", ".end\n"]),
        )


def decks(folder: Path) -> list[Path]:
    """The decks of a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in DECKS and path.is_file())


def reference(deck: Path, ngspice: str) -> tuple[dict[str, float], float] | None:
    """Node voltages [V] at the operating point by `ngspice -b`, and to what they are right; None if it finds none."""
    kept, control = [], False
    for k, line in enumerate(deck.read_bytes().decode("latin-1").splitlines()):
        word = line.strip().lower().split(maxsplit=1)[0] if line.strip() else ""
        if word == ".control":
            control = True
        following = kept and kept[-1] is None and line.lstrip().startswith("+")
        kept.append(None if k and (control or following or word in _ANALYSES or word.startswith(("*#", ".meas"))) else line)
        if word == ".endc":
            control = False
    title, _, rest = "\n".join(line for line in kept if line is not None).partition("\n")
    for tolerances, right in TOLERANCES.items():
        text = _solved(deck, f"{title}\n{tolerances}\n{rest}", ngspice)
        if text is not None and "ransient op" not in text:  # what that ends with need not be an operating point
            found = {_node(name.lower()): float(value) for name, value in _PRINTED.findall(text) if "#" not in name}
            if found and all(map(math.isfinite, found.values())):
                return found, right
    return None


def _solved(deck: Path, body: str, ngspice: str) -> str | None:
    """What ngspice prints of the operating point of a text beside a deck; None if it does not end."""
    copy = deck.with_name(f"hwl-{deck.stem}.ref")
    copy.write_bytes(f"{body}\n.control\nset numdgt=12\nop\nprint all\n.endc\n.end\n".encode("latin-1"))
    try:
        done = subprocess.run(
            [ngspice, "-b", copy.name], cwd=deck.parent, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        copy.unlink()
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def _node(printed: str) -> str:
    """A node's name, which is printed as v(1) where it is a number."""
    return printed[2:-1] if printed.startswith("v(") else printed


def _ours(path: str) -> str:
    """One line: JSON of the node voltages, or the error."""
    import numpy as np

    from hwlearn import Drive, Network, NgspiceCircuit
    from hwlearn.errors import HwlearnError

    try:
        network = Network.from_netlist(path, control="ignore")
        with NgspiceCircuit(network, processes=1) as circuit:
            volts = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0].tolist()
    except HwlearnError as error:
        return " ".join(f"refused: {error}".split())[:400]
    except Exception as error:
        return f"traceback: {type(error).__name__}: {error}"[:400]
    return json.dumps(dict(zip([node.lower() for node in network.nodes], volts, strict=True)))


def ours(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """What hwlearn says of each, read in children; one that dies is told."""
    left = list(paths)
    while left:
        done = subprocess.run(
            [sys.executable, __file__, "--read"], input="\n".join(map(str, left)), capture_output=True, text=True, check=False
        )
        lines = done.stdout.splitlines()
        yield from zip(left, lines, strict=False)
        left = left[len(lines) :]
        if left:
            yield left.pop(0), f"died: {done.returncode} {done.stderr[-300:]}"


def compare(folder: Path, ngspice: str) -> dict[Path, str]:
    """Of each deck: "agrees", "differs: …", "refused: …", "no reference", "died: …" or "traceback: …"."""
    found = {}
    for path, said in ours(decks(folder)):
        if not said.startswith("{"):
            found[path] = said
            continue
        told = reference(path, ngspice)
        if told is None:
            found[path] = "no reference"
            continue
        right, accuracy = told
        mine = json.loads(said)
        common = [node for node in mine if node in right]
        largest = max((abs(right[node]) for node in common), default=0.0)
        worst = max(common, key=lambda node: abs(mine[node] - right[node]), default=None)
        off = 0.0 if worst is None else abs(mine[worst] - right[worst])
        agrees = "agrees" if accuracy == AGREED else f"agrees to {accuracy:g}"
        found[path] = agrees if off <= accuracy * max(largest, 1e-3) else f"differs: {worst} {mine[worst]} {right[worst]}"
        if worst is None:
            found[path] = "no reference"
    return found


def counts(found: dict[Path, str]) -> Counter[str]:
    """How many decks have which end."""
    return Counter(said.split(":")[0] for said in found.values())


def find_ngspice(folder: Path) -> str:
    """The program, for its own answers: the installed one, or Debian's, unpacked into the folder."""
    unpacked = folder / "program" / "usr" / "bin" / "ngspice"
    if (installed := shutil.which("ngspice")) is not None:
        return installed
    if not unpacked.exists():
        with tempfile.TemporaryDirectory() as place:
            fetched = [shutil.which("apt-get") or "apt-get", "download", "ngspice"]
            subprocess.run(fetched, cwd=place, check=True, capture_output=True)
            package = next(Path(place).glob("*.deb"))
            subprocess.run(
                [shutil.which("dpkg-deb") or "dpkg-deb", "-x", package, folder / "program"], check=True, capture_output=True
            )
    return str(unpacked)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "--read":
        for line in sys.stdin.read().splitlines():
            print(_ours(line), flush=True)
    else:
        root = Path(sys.argv[1])
        fetch(root)
        result = compare(root, find_ngspice(root))
        for deck_path, what in result.items():
            print(deck_path.relative_to(root), what, sep="\t")
        print(dict(counts(result)))
