"""Started when the Pico is. A wire from GP22 to ground at power-up starts nothing, so that files can be changed."""

from machine import WDT, Pin

try:
    from micropython import kbd_intr  # a byte 3 must not stop the board
except ImportError:
    kbd_intr = None

WATCHDOG_MS = 8000
"""When the firmware hangs for so long, the hardware starts it anew, and it starts safe."""


def main():
    if not Pin(22, Pin.IN, Pin.PULL_UP).value():
        return
    from firmware.serve import serve
    from wiring import board

    watchdog = WDT(timeout=WATCHDOG_MS)
    made = board(watchdog.feed)
    if kbd_intr is not None:
        kbd_intr(-1)
    serve(made, watchdog.feed)


main()
