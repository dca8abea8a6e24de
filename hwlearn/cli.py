"""The command `hwlearn`.

Exit codes: 0 done; 1 not healthy, or a loss that is not finite; 2 an error of the user or of the circuit; 130 Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
import time
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hwlearn import __version__
from hwlearn.errors import HwlearnError, HwlearnWarning, LibraryNotFoundError

if TYPE_CHECKING:
    from rich.table import Table

    from hwlearn.circuits.linalg import Cholesky
    from hwlearn.experiments import Experiment, Outcome
    from hwlearn.network import Network

LISTED = 50
"""Rows of a table before it is elided."""

SHOWN_SOURCES = 12
"""Fixed sources, and other elements, that `show` lists."""

SHOWN_PORTS = 8
"""Columns of the task's table for inputs, and for outputs."""


class _Commands(TyperGroup):
    """Turns hwlearn's errors and warnings into one line on stderr, Ctrl-C into 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", HwlearnWarning)
                warnings.showwarning = _show_warning  # type: ignore[assignment]
                result = super().invoke(ctx)
            sys.stdout.flush()  # a closed pipe shows here, where it is taken for what it is
            return result
        except HwlearnError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            _say(f"error: {_line(error)}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    help="Train resistor circuits with local rules: on paper or in ngspice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # Ω on a Windows code page
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hwlearn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
) -> None:
    pass


_File = Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="Experiment file.")]
_Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a key, as in train.steps=100")]
_Trust = Annotated[bool, typer.Option("--trust-netlist", help="Let the netlist run commands and include files from anywhere.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command("train")
def _train(
    file: _File,
    backend: Annotated[str | None, typer.Option(help="exact or ngspice.")] = None,
    rule: Annotated[str | None, typer.Option(help="ep, cl, al, clamp or dual-cl.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of updates.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the minibatches.")] = None,
    settings: _Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for result, losses, netlist, plot.")] = None,
    as_json: _Json = False,
    trust_netlist: _Trust = False,
) -> None:
    """Train the circuit of an experiment file. Ctrl-C ends the training and keeps what was learned."""
    from hwlearn.experiments import load_experiment, run_experiment
    from hwlearn.experiments.files import make_folder, write_files

    overrides = _overrides(settings)
    flags = {"backend.name": backend, "rule.name": rule, "train.steps": steps, "train.seed": seed}
    overrides.update({key: value for key, value in flags.items() if value is not None})
    experiment = load_experiment(file, overrides, trust=trust_netlist)
    experiment.network, experiment.task, experiment.rule  # noqa: B018  # refuse what does not fit before a folder is made
    if out is not None:
        make_folder(out)
    with _progress() as progress:
        outcome = run_experiment(experiment, progress)
    for note in outcome.notes:
        _say(f"note: {note}")
    if as_json:
        _print_json(outcome.as_dict())
    else:
        _print_outcome(experiment, outcome)
    sys.stdout.flush()
    if out is not None:
        write_files(out, experiment, outcome)
        from hwlearn.plots import draw_losses

        draw_losses(outcome, out / "loss.png")
        _say(f"written to {out}")
    _leave(outcome)


@app.command("show")
def _show(
    file: _File,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture: .png, .svg or .pdf.")] = None,
    settings: _Set = None,
    as_json: _Json = False,
    trust_netlist: _Trust = False,
) -> None:
    """Print the circuit, ports and task of an experiment file, and draw the circuit."""
    from hwlearn.experiments import load_experiment
    from hwlearn.plots import draw_network

    experiment = load_experiment(file, _overrides(settings), trust=trust_netlist)
    network, task = experiment.network, experiment.task
    picture = Path(f"{file.stem}.png") if out is None else out
    draw_network(network, picture)
    if as_json:
        samples = {"task": {"inputs": task.inputs.tolist(), "targets": task.targets.tolist()}}
        _print_json({**_described(network), **samples, "picture": str(picture)})
        return
    _print_network(network)
    _print_task(experiment)
    print(f"drawn in {picture}")


@app.command("doctor")
def _doctor(as_json: _Json = False) -> None:
    """Check the installation: versions, libngspice and the linear solvers, each with a small circuit."""
    report = _examined()
    if as_json:
        _print_json(report)
    else:
        table = _table("", "", "")
        for name, version in report["versions"].items():
            table.add_row(name, version, "")
        spice = report["ngspice"]
        table.add_row("ngspice", spice.get("version", "–"), "ok" if spice["ok"] else "not usable")
        table.add_row("libngspice", spice.get("library", "–"), "")
        for name, state in report["solvers"].items():
            table.add_row(name, "", "ok" if state["ok"] else state["error"])
        _print(table)
        if not spice["ok"]:
            _say(f"error: {spice['error']}")
    sys.stdout.flush()
    if not (report["ngspice"]["ok"] and all(state["ok"] for state in report["solvers"].values())):
        raise typer.Exit(1)


# Reading the command line


def _overrides(settings: list[str] | None) -> dict[str, Any]:
    """Dotted keys and values of `--set`; a value that is no TOML is text."""
    result = {}
    for setting in settings or []:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise HwlearnError(f"--set {setting}: write KEY=VALUE, such as --set train.steps=100")
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            parsed = {}
        result[key.strip()] = parsed["value"] if list(parsed) == ["value"] else text
    return result


# Progress, summaries, exit


@contextmanager
def _progress() -> Iterator[Callable[[float, float, float], None] | None]:
    """A progress line on stderr with loss and speed; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        line = bar.add_task("", total=None)
        began = shown = time.monotonic()
        calls = 0

        def update(done: float, total: float, loss: float) -> None:
            nonlocal calls, shown
            calls += 1
            now = time.monotonic()
            if now - shown > 0.1:
                shown = now
                text = f"{done:.6g}/{total:.6g}  loss {loss:.3e}  {calls / (now - began):,.0f} steps/s"
                bar.update(line, total=total, completed=done, description=text, refresh=True)

        yield update


def _print_outcome(experiment: Experiment, outcome: Outcome) -> None:
    unit = "" if outcome.nudge_unit == "1" else f" {outcome.nudge_unit}"
    sides = ", both sides" if outcome.symmetric else ""
    print(outcome.network.title)
    table = _table("", "")
    table.add_row("rule", f"{outcome.rule}, nudge {outcome.nudge:.4g}{unit}{sides}")
    table.add_row("backend", outcome.backend)
    table.add_row("steps", f"{outcome.steps} (stopped because: {outcome.stopped_because})")
    table.add_row("loss ½|o−y|²", f"{outcome.loss_initial:.4g} → {outcome.loss_final:.4g} V²")
    table.add_row("seconds", f"{outcome.seconds:.3g}")
    _print(table)
    ports = _table("output [V]", "sample", "reached", "target")
    answers = [
        (name, str(s), f"{outcome.outputs[s, k]:.6g}", f"{target:.6g}")
        for s, row in enumerate(outcome.targets.tolist())
        for (k, name), target in zip(enumerate(outcome.network.output_names), row, strict=True)
    ]
    _fill(ports, answers)
    edges = _table("conductance [S]", "before", "after")
    before = experiment.network.conductances.tolist()
    values = zip(outcome.conductances.items(), before, strict=True)
    _fill(edges, [(name, f"{was:.6g}", f"{now:.6g}") for (name, now), was in values])


def _print_network(network: Network) -> None:
    about = _described(network)
    print(network.title)
    table = _table("", "")
    trained = int(network.trainable.sum())
    table.add_row("nodes", str(len(network.nodes)))
    table.add_row("resistors", f"{len(network.edges)}, of which {trained} are trained")
    if len(network.edges):
        table.add_row("conductances", f"{network.conductances.min():.4g} … {network.conductances.max():.4g} S")
    for source in about["inputs"]:
        table.add_row("input", f"{source['name']}: {source['kind']} from {source['plus']} to {source['minus']}")
    for port in about["outputs"]:
        table.add_row("output", port)
    for source in about["fixed_sources"][:SHOWN_SOURCES]:
        text = f"{source['name']}: {source['value']:.6g} {source['unit']} from {source['plus']} to {source['minus']}"
        table.add_row("fixed source", text)
    if len(about["fixed_sources"]) > SHOWN_SOURCES:
        table.add_row("fixed source", f"… {len(about['fixed_sources']) - SHOWN_SOURCES} more")
    for element in network.elements[:SHOWN_SOURCES]:
        table.add_row("other element", element.card)
    if len(network.elements) > SHOWN_SOURCES:
        table.add_row("other element", f"… {len(network.elements) - SHOWN_SOURCES} more")
    _print(table)
    edges = _table("resistor", "tail", "head", "conductance [S]", "")
    _fill(
        edges,
        [
            (edge.name, edge.tail, edge.head, f"{g:.6g}", "" if trained else "fixed")
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    )


def _print_task(experiment: Experiment) -> None:
    network, task = experiment.network, experiment.task
    given = [f"{source.name} [{source.unit}]" for source in network.inputs]
    wanted = [f"→ {name} [V]" for name in network.output_names]
    table = _table("sample", *given[:SHOWN_PORTS], *wanted[:SHOWN_PORTS])
    rows = zip(task.inputs[:, :SHOWN_PORTS].tolist(), task.targets[:, :SHOWN_PORTS].tolist(), strict=True)
    _fill(table, [(str(k), *(f"{value:.6g}" for value in (*u, *y))) for k, (u, y) in enumerate(rows)])


def _described(network: Network) -> dict[str, Any]:
    """Ports, edges and fixed sources for JSON."""

    def described(sources: Any) -> list[dict[str, Any]]:
        names = ("name", "kind", "plus", "minus", "value", "unit")
        return [{name: getattr(source, name) for name in names} for source in sources]

    return {
        "title": network.title,
        "nodes": list(network.nodes),
        "inputs": described(network.inputs),
        "outputs": list(network.output_names),
        "fixed_sources": described(network.fixed_sources),
        "other_elements": [element.card for element in network.elements],
        "edges": [
            {"name": edge.name, "tail": edge.tail, "head": edge.head, "conductance": g, "trainable": trained}
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    }


def _leave(outcome: Outcome) -> None:
    if outcome.stopped_because == "interrupted":
        _say(f"interrupted after {outcome.steps} steps; these are the conductances reached")
        sys.stderr.flush()
        os._exit(130)  # ngspice may still be in a long command: it is not waited for
    if outcome.error is not None:
        _say(f"error: {_line(outcome.error)} (after {outcome.steps} steps; the last good conductances are kept)")
        raise typer.Exit(2)
    if outcome.stopped_because == "not finite":
        raise typer.Exit(1)


# What is installed


def _examined() -> dict[str, Any]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version(), "hwlearn": __version__}
    for name in ("numpy", "scipy", "PySpice", "qdldl", "cvxopt"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return {"versions": versions, "ngspice": _examined_ngspice(), "solvers": _examined_solvers()}


def _examined_ngspice() -> dict[str, Any]:
    """Library and version, and whether a voltage divider gives the half."""
    import numpy as np

    from hwlearn.network import Network
    from hwlearn.spice.library import find_library

    report: dict[str, Any] = {"ok": False}
    try:
        report["library"] = find_library()
        from hwlearn.circuits.base import Drive
        from hwlearn.circuits.ngspice import NgspiceCircuit

        with NgspiceCircuit(Network.from_edges([("a", "m"), ("m", "0")], inputs=["a"], outputs=["m"])) as circuit:
            measured = circuit.measure(Drive(np.ones((1, 1))))
        report["version"] = measured.provenance.removeprefix("ngspice ")
        half = float(measured.output_voltages[0, 0])
        report["ok"] = abs(half - 0.5) < 1e-9
        if not report["ok"]:
            report["error"] = f"a divider of 1 V by two gave {half:g} V"
    except LibraryNotFoundError as error:
        report["error"] = str(error)
    except Exception as error:  # whatever a broken installation raises is the finding
        report["error"] = f"{type(error).__name__}: {error}"
    return report


def _examined_solvers() -> dict[str, dict[str, Any]]:
    import numpy as np

    from hwlearn.circuits.linalg import Cholmod, DenseCholesky, QdldlCholesky

    kinds: tuple[type[Cholesky], ...] = (DenseCholesky, QdldlCholesky, Cholmod)
    report: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        try:
            solver = kind(2, np.array([0, 1, 3]), np.array([0, 0, 1]))
            solver.factor(np.array([2.0, -1.0, 2.0]))
            ok = bool(np.allclose(solver.solve(np.array([1.0, 0.0])), [2 / 3, 1 / 3]))
            report[kind.name] = {"ok": ok} if ok else {"ok": False, "error": "a wrong answer to two equations"}
        except Exception as error:  # whatever a broken installation raises is the finding
            report[kind.name] = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return report


# Output


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_header=any(columns), pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _fill(table: Table, rows: Sequence[tuple[str, ...]]) -> None:
    for row in rows[:LISTED]:
        table.add_row(*row)
    if len(rows) > LISTED:
        table.add_row(f"… {len(rows) - LISTED} more")
    _print(table)


def _print(table: Table) -> None:
    from rich.console import Console

    Console(highlight=False, markup=False).print(table)


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, allow_nan=False))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _show_warning(message: Warning | str, category: type[Warning], *where: Any) -> None:
    """As Python's, but one line for hwlearn's own."""
    _say(f"warning: {message}" if issubclass(category, HwlearnWarning) else f"{category.__name__}: {message}")


if __name__ == "__main__":
    main()
