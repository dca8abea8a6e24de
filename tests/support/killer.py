"""Kill a training with SIGKILL at random moments, resume it, and say what came of it.

    python tests/support/killer.py EXPERIMENT.toml OVERRIDES.json FOLDER COUNT

Prints a JSON object: "whole", the conductances of a run that was not killed, and "killed", for each one that was: steps and
seconds that were lost, whether it was cut off before it ended, conductances, states of memristors. Each run is a forked
process, so that it starts at once.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run


def forked(action):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return child


def finished(child):
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def killed(folder, size):
    """Whether the training was cut off when it was killed with so many bytes in its journal, after its first step."""
    child, journal = forked(lambda: Run.load(folder).go()), folder / "journal.jsonl"
    while not (folder / "checkpoint.npz").exists() or journal.stat().st_size < size:
        time.sleep(0.0002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def main(file, overrides, folder, count):
    folder, random_numbers = Path(folder), random.Random(1)  # noqa: S311
    experiment = load_experiment(file, json.loads(overrides))
    whole = Run.create(folder / "whole", experiment)
    finished(forked(whole.go))
    result, size = whole.result, (whole.folder / "journal.jsonl").stat().st_size
    found = []
    for k in range(int(count)):
        run = Run.create(folder / str(k), experiment)
        cut = killed(run.folder, random_numbers.uniform(0, 0.9 * size))
        before = Run.load(run.folder).history
        finished(forked(lambda run=run: Run.load(run.folder).resume()))
        after = Run.load(run.folder)
        resumed = after.history.last("resume")
        lost = [0, 0.0]
        if resumed is not None and before.at:
            again = before.at.index(resumed["step"])
            lost = [before.at[-1] - resumed["step"], before.seconds[-1] - before.seconds[again]]
        ended = {"end": after.history.at, "g": after.result["conductances"], "states": after.result.get("states")}
        found.append({"cut": cut, "steps": lost[0], "seconds": lost[1], **ended})
    ended = {"whole": result["conductances"], "states": result.get("states")}
    print(json.dumps({**ended, "losses": Run.load(whole.folder).history.losses, "killed": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
