"""Runs one command and never lets it outlive whoever started us.

`python tether.py COMMAND…` with a pipe as standard input: when the pipe closes — because the starter let go, ended, or
was killed — the command and everything it started is asked to end, and killed if it does not. The starter gives us
our own process group, so "everything it started" is that group.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 8.0


def main(command: list[str]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # a handler, not SIG_IGN: ignoring would be inherited by the command
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_the_pipe, args=(child,), daemon=True).start()
    code = child.wait()
    os.killpg(0, signal.SIGTERM)  # what it may have left behind; we survive it by the handler above
    return code if code >= 0 else 128 - code


def _end_with_the_pipe(child: "subprocess.Popen[bytes]") -> None:
    os.read(0, 1)  # nothing is ever written: this returns at the end of the pipe
    os.killpg(0, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
