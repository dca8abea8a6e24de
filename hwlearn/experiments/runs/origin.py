"""What a run was made from: its experiment file and the files named there, as they were or as they are now."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwlearn.errors import ExperimentError, HwlearnWarning
from hwlearn.experiments import Experiment, load_experiment
from hwlearn.experiments.runs.copies import OrFiles, Store, other_than
from hwlearn.experiments.runs.fingerprint import ONE_OF, is_comparable, unlike
from hwlearn.files import on_disk

if TYPE_CHECKING:
    from hwlearn.experiments.runs.run import Run


def as_made(run: Run, *compared: str) -> Experiment:
    """The experiment by the run's copies. A run without copies reads the files themselves again.

    Args:
        run: the run folder.
        compared: what must be as it was, of "network" and "task".

    Raises:
        ExperimentError: a file is not there any more, or describes another network or task by now.
    """
    now = reread(run, {}, _copies(run))
    if other := unlike(run.info["fingerprint"], now, *compared):
        raise ExperimentError(
            f"{run.folder}: {now.path} is not what the run was made with: the {' and the '.join(other)} changed; name the "
            "file as it was by --experiment FILE"
        )
    if not is_comparable(run.info["fingerprint"]):
        if run.result is not None and [*run.result["conductances"]] != list(now.network.edge_names):
            raise ExperimentError(
                f"{run.folder}: {now.path} has other edges than the run; name the file as it was by --experiment FILE"
            )
        version = run.info["versions"]["hwlearn"]
        warnings.warn(
            f"{run.folder}: made by an earlier hwlearn ({version}): its network is taken to be that of {now.path} now",
            HwlearnWarning,
            stacklevel=3,
        )
    return now


def reread(run: Run, overrides: Mapping[str, Any], copies: Mapping[str, bytes] | None) -> Experiment:
    """The experiment file, which is what any file is that was named on the command line.

    Args:
        run: the run folder.
        overrides: keys, over those that the run was made with.
        copies: what files hold, by absolute path; None reads them as they are now.

    Raises:
        ExperimentError: the file is gone; see `load_experiment`.
    """
    path = Path(run.info["experiment"])
    if copies is None and not path.is_file():
        gone = f"{run.folder}: its experiment file {path} is not there any more"
        if run.info.get("store") == "../files":
            gone += f", nor the sweep's copies in {run.folder.parent / 'files'}: move the sweep's folder whole"
        raise ExperimentError(f"{gone}; name it by --experiment FILE")
    stale = ONE_OF if ONE_OF & overrides.keys() else set()
    given = {**{key: value for key, value in run.info["overrides"].items() if key not in stale}, **overrides}
    return load_experiment(path, given, trust=run.trust, trust_code=run.trust_code, copies=copies)


def to_go_on_with(run: Run) -> dict[str, bytes] | None:
    """The copies, or files where there is none. None where the files themselves are to be read.

    These are read for runs without copies; and on a bench, whose wiring and limits are what the station file says by now:
    copies stand for what is gone there.
    """
    copies = _copies(run)
    if copies is None:
        return None
    others = other_than(run.info["files"])
    if "wiring" in run.info["fingerprint"]:
        there = {name: on_disk(Path(name)) for name in copies if isfile(name)}
        if len(there) == len(copies):
            return None
        copies, others = copies | there, [name for name in others if name not in there]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        note = f"{others[0]}{more} changed or gone since: the run goes on with its copies; --changed takes files as they are"
        warnings.warn(f"{run.folder}: {note}", HwlearnWarning, stacklevel=3)
    return OrFiles(copies)


def _copies(run: Run) -> dict[str, bytes] | None:
    """What the files held, by absolute path; None of a run that has not kept them."""
    hashes: dict[str, str] = run.info.get("files", {})
    return Store(run.folder / run.info.get("store", "files")).copies(hashes) if hashes else None
