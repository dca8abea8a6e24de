import os
from pathlib import Path

for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
):  # before numpy: threads wait for each other over matrices this small
    os.environ.setdefault(variable, "1")

from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "hwlearn",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.differing_executors],
)
settings.load_profile("hwlearn")

ALLOSTERY = Path(__file__).parent.parent / "netlists" / "allostery-bench.toml"


def pytest_addoption(parser):
    parser.addoption("--station", metavar="FILE", help="Station file of a bench, for tests/lab/test_real_bench.py.")
    parser.addoption("--experiment", metavar="FILE", default=str(ALLOSTERY), help="Experiment file of what is wired there.")
