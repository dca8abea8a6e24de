import math
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
):  # before numpy: threads wait for each other over matrices this small
    os.environ.setdefault(variable, "1")

import pytest  # noqa: E402
from effort import tries  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from processes import end_children  # noqa: E402

settings.register_profile(
    "hwlearn",
    max_examples=tries(40),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.differing_executors],
)
settings.load_profile("hwlearn")

BEGAN = pytest.StashKey[float]()
ALLOSTERY = Path(__file__).parent.parent / "netlists" / "allostery-bench.toml"


def pytest_addoption(parser):
    parser.addoption("--station", metavar="FILE", help="Station file of a bench, for tests/lab/test_real_bench.py.")
    parser.addoption("--experiment", metavar="FILE", default=str(ALLOSTERY), help="Experiment file of what is wired there.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Half as many again as there are cores: instruments, browsers and killed processes are waited for."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return math.ceil(1.5 * (os.cpu_count() or 1))


def pytest_configure(config):
    config.option.loadscopereorder = False  # of pytest-xdist, which would begin with the files of most tests
    _have_temporary_files_of_its_own(config)


def _have_temporary_files_of_its_own(config):
    """Locks of instruments lie among temporary files, and processes of tests may have instruments of the same name at once."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # where pytest's own stay
    folder = tempfile.mkdtemp(prefix="hwlearn-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that no core ends before the others."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Know when a test began."""
    item.stash[BEGAN] = time.time() - 0.05
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails leaves no process behind."""
    report = yield
    if report.failed:
        end_children(item.stash[BEGAN])
    return report


@pytest.fixture
def terminal_signals():
    """Ctrl-C and hang-up act in this process as in one that a terminal started, and not as under `nohup`."""
    usual = {signal.SIGINT: signal.default_int_handler}
    if hasattr(signal, "SIGHUP"):
        usual[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
