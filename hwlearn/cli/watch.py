"""`hwlearn watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from hwlearn.cli.command import TrustCode
from hwlearn.cli.netlists import Trust
from hwlearn.cli.output import say
from hwlearn.cli.runs import Folder, Moved
from hwlearn.errors import HwlearnError


def watch(
    folder: Folder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine; a free one if 0.")] = 0,
    experiment: Moved = None,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Follow a run in the browser while it learns. The page is for this machine and for those who know its address."""
    from hwlearn.experiments.runs import Run
    from hwlearn.experiments.runs.following import Following

    following = Following(lambda: Run.load(folder, experiment, trust=trust_netlist, trust_code=trust_code))
    try:
        from hwlearn.show.watch.page import page
        from hwlearn.show.watch.server import LoopbackServer
    except ModuleNotFoundError as error:
        raise HwlearnError(f"hwlearn watch needs {error.name}: in hwlearn's folder, pip install '.[watch]'") from None
    from hwlearn.show.watch.view import Watched

    with LoopbackServer(page(Watched(following).look), port) as server:
        say("the run is only read; Ctrl-C ends the page, not the run")
        print(server.address, flush=True)
        server.serve()
