"""How hard to try: `make test` is quick enough to run always, `make test-long` is for the night."""

import os

#: Whether this is `make test-long`.
LONG = os.environ.get("FAREBOX_LONG") == "1"
#: Whether a person is looking, or a machine decides by the exit code.
CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def times(usual: int, long: int) -> int:
    """A count of seeds, kills or rounds: the usual one, or the long run's."""
    return long if LONG else usual
