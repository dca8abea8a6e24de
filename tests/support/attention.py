"""Whether a simulated instrument is silent, or only slow: time-outs in tests are short, and none must run out for slowness."""


class Attention:
    """How many messages an instrument heard, with how many it is done (answered, or never to be), how many answers it sent."""

    def __init__(self):
        self.heard = self.done = self.sent = 0

    def begins(self):
        self.heard += 1

    def ends(self):
        self.done = self.heard

    def silent_since(self, heard):
        """Whether there was a message after so many, and nothing is to come any more."""
        return self.done == self.heard > heard


SERVED = {}
"""VISA resource → attention of the instrument there. tests/lab/conftest.py lets clients heed it."""
