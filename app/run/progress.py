"""What the terminal shows while something takes its time: one line a step, rewritten in place on a real terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """Ctrl-C, a terminate signal, or our parent is gone."""


class Failed(Exception):
    """A step did not work; the message says what to do."""


class Step:
    """One line of progress. `note` replaces its right-hand side."""

    REDRAW_SECONDS = 0.1
    SPEAK_SECONDS = 5.0

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._last = self.started
        self._noted = self._shown = ""
        self._show(f"{title} …", end="" if self._terminal else "\n")

    def note(self, text: str) -> None:
        """Show how far the step is; seldom enough to be readable in a log file too."""
        now = time.monotonic()
        if text == self._noted or now - self._last < (self.REDRAW_SECONDS if self._terminal else self.SPEAK_SECONDS):
            return
        self._last, self._noted = now, text
        if self._terminal:
            self._show(f"{self.title} … {text}", end="")
        else:
            self._show(f"    {text}", end="\n")

    def done(self) -> None:
        self._show(f"{self.title}  ✓ {time.monotonic() - self.started:.1f} s", end="\n")

    def broken(self) -> None:
        self._show(f"{self.title}  ✗", end="\n")

    def _show(self, line: str, end: str) -> None:
        if self._terminal:
            padding = " " * max(0, len(self._shown) - len(line))
            sys.stdout.write(f"\r{line}{padding}{end}")
        else:
            sys.stdout.write(line + end)
        sys.stdout.flush()
        self._shown = "" if end else line


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show a step while the block runs, and how long it took."""
    shown = Step(title)
    try:
        yield shown
    except BaseException:
        shown.broken()
        raise
    shown.done()


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
