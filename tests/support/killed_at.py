"""A training that kills itself with SIGKILL at a step: nobody has to catch it at work."""

import json
import signal
import subprocess
import sys

from processes import ENVIRONMENT, PATIENCE

_CODE = """
import json, os, sys
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
step, file, overrides, folder = sys.argv[1:]
run = Run.create(folder, load_experiment(file, json.loads(overrides)))
run.go(lambda done, total, loss: done == int(step) and os.kill(os.getpid(), 9))
"""


def killed_at(step, file, overrides, folder, **options):
    """Train an experiment in a process of its own, which dies as soon as it has made so many steps."""
    command = [sys.executable, "-c", _CODE, *map(str, (step, file, json.dumps(overrides), folder))]
    done = subprocess.run(command, env=ENVIRONMENT, timeout=PATIENCE, check=False, **options)
    assert done.returncode == -signal.SIGKILL
