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


class MessageClock(Clock):
    """As the `time` of `Session`, time also passes by 0.1 ms before and after each message."""

    def perf_counter(self) -> float:
        self.now += 1e-4
        return self.now
