"""Named points where a test may kill the process, to prove that a crash there loses and doubles nothing.

`FAREBOX_FAULT=settle.after_lots` kills this process with SIGKILL the first time that point is reached;
`FAREBOX_FAULT=settle.after_lots:3` the third time. Unset, a point costs one comparison. The production settings
refuse to start with the variable set.
"""

import os
import signal

_name, _, _count = os.environ.get("FAREBOX_FAULT", "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Die here if this is the point the test asked for."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
