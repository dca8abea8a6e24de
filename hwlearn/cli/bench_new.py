"""`hwlearn bench new`, `wire`, `firmware`: from a netlist to a bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import File
from hwlearn.cli.netlists import Trust
from hwlearn.cli.output import new_table, print_table, visible
from hwlearn.cli.stations import StationFile, TrustStation
from hwlearn.errors import StationError


def new(
    netlist: Annotated[
        Path, typer.Argument(metavar="NETLIST", help="Experiment file, or a netlist: its sources are the inputs.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Station file to write.")],
    board: Annotated[str, typer.Option(help="What it is built from: pico (docs/board.md) or instruments.")] = "instruments",
    virtual: Annotated[bool, typer.Option("--virtual", help="Simulate it: no instrument is needed.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    trust_netlist: Trust = False,
) -> None:
    """Write a station file with every node, resistor and port wired to a channel.

    Limits are those of the parts. What only you know is left open as a comment: TODO.
    """
    from hwlearn.experiments import load_experiment
    from hwlearn.files import replace
    from hwlearn.lab.station import load_station
    from hwlearn.lab.station.new import new_station
    from hwlearn.lab.station.parts import BOARDS
    from hwlearn.network import Network
    from hwlearn.text import did_you_mean

    if board not in BOARDS:
        raise StationError(f"--board {board}: there are {', '.join(BOARDS)}{did_you_mean(board, BOARDS)}")
    if out.exists() and not overwrite:
        raise StationError(f"{out} is there already; name a new file, or --overwrite")
    if netlist.suffix == ".toml":
        network = load_experiment(netlist, trust=trust_netlist).network
    else:
        network = Network.from_netlist(netlist, trust=trust_netlist)
        moving = [source.name for source in network.fixed_sources if source.value]
        network = Network.from_netlist(netlist, inputs=moving, trust=trust_netlist)
    text = new_station(network, BOARDS[board], out.stem, virtual=virtual)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace(out, text.encode())
    except OSError as error:
        raise StationError(f"{out}: {error.strerror}") from None
    load_station(out)
    print(f"written to {out}; questions left open: {text.count('TODO:')}")
    if netlist.suffix == ".toml":
        print(f"try: hwlearn bench show {out} {netlist}")


def wire(
    station: StationFile,
    experiment: File,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture of it: .png, .svg or .pdf.")] = None,
    trust_station: TrustStation = False,
) -> None:
    """Print the wiring list, a row for each end of a wire; touch no instrument."""
    from hwlearn.experiments import load_experiment
    from hwlearn.lab.station import load_station
    from hwlearn.lab.station.leads import leads

    network, loaded = load_experiment(experiment).network, load_station(station, trust_station)
    loaded.validate(network)
    table = new_table("channel", "pin", "through", "node")
    for lead in leads(network, loaded):
        table.add_row(lead.channel, lead.pin, f"{lead.ohm:g} Ω" if lead.ohm else "", visible(lead.node))
    print_table(table)
    if out is not None:
        from hwlearn.show.plots import draw_wiring

        draw_wiring(network, loaded, out)
        print(f"drawn in {out}")


def copy_firmware(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; made if it is not there.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")] = False,
) -> None:
    """Copy out the board's firmware: MicroPython for a Raspberry Pi Pico.

    Name your chips in its wiring.py; then put all of it on the Pico: `mpremote cp -r DIR/. :`
    """
    from importlib.resources import as_file, files
    from shutil import copytree, ignore_patterns

    if not overwrite and folder.exists() and any(folder.iterdir()):
        raise StationError(f"{folder}: the folder is not empty; name a new one, or --overwrite")
    hidden = ignore_patterns("__pycache__", "pico")
    try:
        with as_file(files("hwlearn.lab.firmware")) as source:
            copytree(source, folder / "firmware", ignore=hidden, dirs_exist_ok=True)
            copytree(source / "pico", folder, ignore=ignore_patterns("__pycache__"), dirs_exist_ok=True)
    except OSError as error:
        raise StationError(f"{folder}: {error.strerror or error}") from None
    print(f"written to {folder}: name your chips in {folder / 'wiring.py'}, then `mpremote cp -r {folder}/. :`")
