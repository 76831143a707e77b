"""What may travel with an operation: rows that live and die with it, and checks made under the wallet's lock."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable

from app.kernel.bulk import Statement
from app.kernel.errors import Conflict


class Companion(NamedTuple):
    """A row that must live and die with an operation: its generation, its attempt, its idempotency key.

    It is written in the operation's own savepoint. `rows` is how many rows the statement must touch; another count
    fails that operation alone (None: any). A statement with `rows` should aim at a unique key. Write statements as
    module constants: like ones of a batch travel together, recognised by identity, in the order given within an
    operation; one of `kernel.bulk` is a single execution for all of them, as a path that is walked often needs it.
    Companions of different generations must not depend on one another's order.
    """

    statement: Executable | Statement
    params: Mapping[str, Any]
    rows: int | None = 1


#: Companions, or a function that makes them from the operation's result (which knows what was really charged).
Also = Sequence[Companion] | Callable[[Any], Sequence[Companion]]
#: Looks at the database under the wallet's lock and raises a `Rejected` to refuse the operation.
Check = Callable[[Connection], None]


#: More to do in an operation's own transaction, after its books are written and under its wallet's lock: short, nothing
#: but SQL on this connection. It is run when the operation happens, never for a repetition. What it raises undoes the
#: operation and nothing else. It is run again only where the earlier run was rolled back.
Within = Callable[[Connection, Any], None]


class CompanionFailed(Conflict):
    """A companion touched another number of rows than it said; its operation did not happen."""

    code = "companion_failed"
