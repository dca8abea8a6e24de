"""`hwlearn bench watch`: hardware that learns by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json
from hwlearn.cli.output import new_table, print_json, print_table, say
from hwlearn.cli.stations import TrustStation
from hwlearn.errors import StationError

if TYPE_CHECKING:
    from hwlearn.inference.autonomous import Explained


def watch(
    station: Annotated[Path, typer.Argument(metavar="STATION.toml", help='Station file with program = "autonomous".')],
    experiment: File,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for trajectory.csv and trajectory.png.")],
    seconds: Annotated[float, typer.Option(min=1e-3, help="How long to watch.")] = 10.0,
    every: Annotated[float, typer.Option(min=0.0, help="Seconds from scan to scan; 0 is as fast as it goes.")] = 0.0,
    recorded: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Explain this trajectory; touch nothing.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")] = False,
    as_json: Json = False,
    trust_station: TrustStation = False,
) -> None:
    """Record how hardware learns that learns by itself, and compare it with the rule of an experiment.

    Scanners are set up and read; no output is changed. What the rule alone predicts from the first point on stands beside what
    a constant bias explains.
    """
    from hwlearn.experiments import load_experiment
    from hwlearn.inference.autonomous import explain
    from hwlearn.lab.bench.trajectories import read_trajectory, write_trajectory
    from hwlearn.lab.bench.watch import watch as record
    from hwlearn.lab.station.autonomous import load_autonomous
    from hwlearn.show.plots import draw_trajectory

    if not overwrite and out.exists() and any(out.iterdir()):
        raise StationError(f"{out}: the folder is not empty; name a new one, or --overwrite")
    loaded, watched = load_experiment(experiment), load_autonomous(station, trust_station)
    watched.validate(loaded.network)
    if recorded is None:
        trajectory = record(watched, seconds, every)
        write_trajectory(trajectory, out / "trajectory.csv")
    else:
        trajectory = read_trajectory(recorded, watched)
    found = explain(loaded.network, loaded.task, loaded.rule, trajectory)
    out.mkdir(parents=True, exist_ok=True)
    draw_trajectory(trajectory, found, out / "trajectory.png")
    if as_json:
        print_json(_as_json(found))
        return
    table = new_table("gate", "from [V]", "to [V]", "bias [V/s]", "±")
    for k, name in enumerate(found.names):
        first, last = found.measured[0, k], found.measured[-1, k]
        table.add_row(name, f"{first:.4g}", f"{last:.4g}", f"{found.bias[k]:.4g}", f"{found.bias_error[k]:.1g}")
    print_table(table)
    print(
        f"{found.travel:.3g} V travelled in {found.seconds[-1]:.3g} s (rms); {loaded.rule.name} alone is off by "
        f"{found.off_alone:.3g} V, with a constant bias by {found.off_biased:.3g} V"
    )
    if found.stopped is not None:
        say(f"note: after {found.stopped:.3g} s a gate was at its bound; what came later was not compared")


def _as_json(found: Explained) -> dict[str, object]:
    return {
        "gates": found.names,
        "seconds": found.seconds.tolist(),
        "measured": found.measured.tolist(),
        "rule_alone": found.alone.tolist(),
        "rule_and_bias": found.biased.tolist(),
        "speed": found.speed,
        "bias": found.bias.tolist(),
        "bias_error": found.bias_error.tolist(),
        "travel": found.travel,
        "off_alone": found.off_alone,
        "off_biased": found.off_biased,
        "stopped": found.stopped,
    }
