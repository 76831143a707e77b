"""How the log says that something is tried again: in a line where others are to blame, with its trace where we are."""

import logging
from typing import Final

from app.kernel.errors import ProviderError, Rejected

#: A provider that does not answer, and what is refused by rules we know.
UNDERSTOOD: Final = (ProviderError, Rejected)


def tell(log: logging.Logger, error: Exception, said: str, *args: object) -> None:
    """Log that `said` went wrong. To be called while `error` is handled."""
    if isinstance(error, UNDERSTOOD):
        log.warning(f"{said}: %s", *args, error)
    else:
        log.exception(said, *args)
