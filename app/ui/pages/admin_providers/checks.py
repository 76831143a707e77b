"""The providers' last answers, shared by the pages that ask and those that only tell."""

from app.generation.connection_check import Checks
from app.ui.remember import PerServices

_checks: PerServices[Checks] = PerServices(lambda house: Checks(house.desk))


def checks() -> Checks:
    """Those of the installed services."""
    return _checks.get()
