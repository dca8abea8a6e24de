"""`serve`: the board on USB, or on whatever is standard input and output."""

import select
import sys

POLL_MS = 20


def serve(board, alive) -> None:
    """Answer for ever; on a computer, until the other end of the line is gone.

    Args:
        alive: what feeds the hardware's watchdog.
    """
    stream = sys.stdin.buffer
    stream = getattr(stream, "raw", stream)  # CPython reads ahead, and what is read ahead cannot be polled
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    while True:
        alive()
        board.tick()
        if not poll.poll(POLL_MS):
            continue
        byte = stream.read(1)
        if not byte:
            return
        answer = board.feed(byte[0])
        if answer is not None:
            sys.stdout.write(answer + "\n")
            if hasattr(sys.stdout, "flush"):
                sys.stdout.flush()
