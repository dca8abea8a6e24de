"""`hwlearn doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from hwlearn.cli.command import Json
from hwlearn.cli.output import new_table, print_json, print_table, say
from hwlearn.errors import LibraryNotFoundError

if TYPE_CHECKING:
    from hwlearn.circuits.linalg import Cholesky


def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, libngspice and the linear solvers, each with a small circuit."""
    report = _examined()
    if as_json:
        print_json(report)
    else:
        table = new_table("", "", "")
        for name, version in report["versions"].items():
            table.add_row(name, version, "")
        spice = report["ngspice"]
        table.add_row("ngspice", spice.get("version", "–"), "ok" if spice["ok"] else "not usable")
        table.add_row("libngspice", spice.get("library", "–"), "")
        table.add_row("its linear solver", spice.get("solver", "–"), "")
        table.add_row("spoken to by", spice.get("interface", "–"), "")
        for name, why in spice.get("passed_over", {}).items():
            table.add_row(f"instead of {name}", "–", why)
        for name, state in report["solvers"].items():
            table.add_row(name, "", "ok" if state["ok"] else state["error"])
        print_table(table)
        if not spice["ok"]:
            say(f"error: {spice['error']}")
    sys.stdout.flush()
    if not (report["ngspice"]["ok"] and all(state["ok"] for state in report["solvers"].values())):
        raise typer.Exit(1)


def _examined() -> dict[str, Any]:
    from hwlearn.experiments.runs.environment import versions

    return {"versions": versions(), "ngspice": _examined_ngspice(), "solvers": _examined_solvers()}


def _examined_ngspice() -> dict[str, Any]:
    """Library, version and the solver it used, and whether a voltage divider gives the half."""
    import numpy as np

    from hwlearn.network import Network
    from hwlearn.spice.library import find_library

    report: dict[str, Any] = {"ok": False}
    try:
        report["library"] = find_library()
        from hwlearn.circuits.drive import Drive
        from hwlearn.circuits.ngspice.circuit import NgspiceCircuit

        with NgspiceCircuit(Network.from_edges([("a", "m"), ("m", "0")], inputs=["a"], outputs=["m"])) as circuit:
            measured = circuit.measure(Drive(np.ones((1, 1))))
            used = circuit.provenance()
        report["version"], report["solver"] = used["version"], used["solver"]
        from hwlearn.spice.interface import INTERFACE

        report["interface"], report["passed_over"] = INTERFACE.name, INTERFACE.passed_over
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
            found = solver.solve(np.array([[1.0, 0.0]]))
            ok = bool(np.allclose(found, [2 / 3, 1 / 3]))
            report[kind.name] = {"ok": ok} if ok else {"ok": False, "error": "a wrong answer to two equations"}
        except Exception as error:  # whatever a broken installation raises is the finding
            report[kind.name] = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return report
