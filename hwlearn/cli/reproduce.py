"""`hwlearn reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import Json, name_of
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.output import new_table, print_json, print_table, say
from hwlearn.errors import HwlearnError


def reproduce(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer circuits and targets.")] = False,
    backend: Annotated[str, name_of("circuits", "{}, but no hardware: where the phases are measured.")] = "exact",
    only: Annotated[str, typer.Option(metavar="LETTERS", help="Claims to check, such as ach; all if not given.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for claims.json and a picture.")] = None,
    as_json: Json = False,
    figures: Figures = ON_SCREEN,
) -> None:
    """Rerun the claims of arXiv:2606.15443: one row a claim, predicted, measured, pass. Exit code 1 if one fails."""
    from hwlearn.circuits.backend import BACKENDS
    from hwlearn.claims.all import CLAIMS
    from hwlearn.claims.rows import Bench
    from hwlearn.experiments.files import make_folder, write_json

    figures.refuse_without(out)
    kind = BACKENDS.get(backend)
    if kind.hardware:
        raise HwlearnError(f"--backend {backend}: the claims are checked on models, not on hardware")
    model = kind(name=backend)
    unknown = set(only) - set(CLAIMS)
    if unknown:
        raise HwlearnError(f"--only {only}: the claims are {', '.join(CLAIMS)}")
    if out is not None:
        make_folder(out)
    rows = []
    for letter, check in CLAIMS.items():
        if only and letter not in only:
            continue
        if sys.stderr.isatty():
            say(f"claim {letter} …")
        rows += check(Bench(lambda network: model.circuit(network, Path()), quick))
    passed = all(row.passed for row in rows)
    content = {"backend": backend, "quick": quick, "passed": passed, "rows": [row.as_dict() for row in rows]}
    if out is not None:
        from hwlearn.show.plots import draw_claims

        write_json(out / "claims.json", content)
        draw_claims(rows, figures.named(out / "claims.png"), figures.names, width=figures.millimetres)
        say(f"written to {out}")
    if as_json:
        print_json(content)
    else:
        table = new_table("", "claim", "statement", "predicted", "measured", "accepted")
        for row in rows:
            mark = "pass" if row.passed else "FAIL"
            table.add_row(mark, row.claim, row.statement, row.predicted, row.measured, row.tolerance)
        print_table(table)
        for row in rows:
            if row.note:
                print(f"{row.claim}, {row.statement}: {row.note}")
    sys.stdout.flush()
    if not passed:
        raise typer.Exit(1)
