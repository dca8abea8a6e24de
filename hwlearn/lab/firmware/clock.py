"""Milliseconds and microseconds, in MicroPython and in CPython."""

import time

if hasattr(time, "ticks_ms"):

    def ticks() -> int:
        """Milliseconds that come round."""
        return time.ticks_ms()  # type: ignore[attr-defined]

    def ticks_since(start: int) -> int:
        """Milliseconds since."""
        return time.ticks_diff(time.ticks_ms(), start)  # type: ignore[attr-defined]

    def pause(milliseconds: int = 1) -> None:
        """Wait."""
        time.sleep_ms(milliseconds)  # type: ignore[attr-defined]

    def hold(microseconds: int) -> None:
        """Wait as long as a level must last, or a little longer."""
        time.sleep_us(microseconds)  # type: ignore[attr-defined]
else:

    def ticks() -> int:
        """Milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def ticks_since(start: int) -> int:
        """Milliseconds since."""
        return ticks() - start

    def pause(milliseconds: int = 1) -> None:
        """Wait."""
        time.sleep(milliseconds / 1000)

    def hold(microseconds: int) -> None:
        """Wait as long as a level must last, or a little longer: a sleep would take fifty times as long."""
        end = time.perf_counter_ns() + 1000 * microseconds
        while time.perf_counter_ns() < end:
            pass
