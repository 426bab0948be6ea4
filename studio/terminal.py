"""Progress of a command: one line that rewrites itself on a terminal, a plain line now and then when piped."""

import time

_TERMINAL_EVERY_S = 0.1
_PIPE_EVERY_S = 10


class Line:
    """`show` as often as you like; it writes only when it is time. `end` before any other output."""

    def __init__(self, stdout):
        self.stdout = stdout
        self.live = stdout.isatty()
        self._last = time.monotonic() if not self.live else float("-inf")
        self._width = 0

    def show(self, text):
        now = time.monotonic()
        if now - self._last < (_TERMINAL_EVERY_S if self.live else _PIPE_EVERY_S):
            return
        self._last = now
        if self.live:
            self.stdout.write("\r" + text.ljust(self._width), ending="")
            self._width = len(text)
        else:
            self.stdout.write(text)
        self.stdout.flush()

    def end(self):
        if self.live and self._width:
            self.stdout.write("\r" + " " * self._width + "\r", ending="")
            self._width = 0
