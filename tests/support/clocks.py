"""Time that a test decides on: given to a module as its `time`."""


class Clock:
    """Time passes only while somebody sleeps, or as `now` is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds
