"""Kill a training at random moments, resume it, and say what came of it.

    python tests/support/killer.py EXPERIMENT.toml OVERRIDES.json FOLDER COUNT

Prints a JSON object: "whole", the conductances of a run that was not killed, and "killed", for each one that was: steps and
seconds that were lost, whether it was cut off before it ended, conductances, states of memristors. Each run is a forked
process, so that it starts at once. It counts its own processor time until SIGPROF ends it, as SIGKILL does: nobody has to be
quick to catch it at work.
"""

import json
import os
import random
import signal
import sys
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


def killed(folder, step, seconds):
    """Whether the training was cut off after so much processor time [s] from a step on."""
    begun = []

    def progress(done, total, loss):
        if done >= step and not begun:
            begun.append(signal.setitimer(signal.ITIMER_PROF, seconds))

    child = forked(lambda: Run.load(folder).go(progress))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGPROF)
    return code != 0


def main(file, overrides, folder, count):
    folder, random_numbers = Path(folder), random.Random(1)  # noqa: S311
    experiment = load_experiment(file, json.loads(overrides))
    whole = Run.create(folder / "whole", experiment)
    finished(forked(whole.go))
    result = whole.result
    found = []
    for k in range(int(count)):
        run = Run.create(folder / str(k), experiment)
        step = 1 + int(random_numbers.uniform(0, 0.6) * experiment.settings.train.steps)
        cut = killed(run.folder, step, random_numbers.uniform(1e-6, 1e-2))
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
