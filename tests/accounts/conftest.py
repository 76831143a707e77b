"""Accounts on a fresh database, with a clock that is turned by hand and passwords that are cheap to check."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection

from app.accounts.passwords import Passwords
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.kernel.db import Database

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


class HandClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened() -> list[str]:
    """The workspaces whose wallet was opened."""
    return []


@pytest.fixture
def accounts(database: Database, clock: HandClock, opened: list[str]) -> Accounts:
    def open_wallet(connection: Connection, workspace_id: str) -> None:
        opened.append(workspace_id)

    return Accounts(database, clock, opened=open_wallet, passwords=Passwords(CHEAP), background=lambda chore: chore())


@pytest.fixture
def customer(accounts: Accounts) -> tuple[Person, WorkspaceInfo]:
    return accounts.people.create_customer("ada@example.com", "Ada", PASSWORD, "Ada & Co")
