"""An experiment that kills the process which looks at it, as a crash in a library does."""

import os
import signal


class Deadly:
    @property
    def path(self):
        os.kill(os.getpid(), signal.SIGKILL)
