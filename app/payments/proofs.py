"""Proofs of payment: what a customer uploads for an operator to look at. Never looked into, never shown in a browser.

The bytes lie under a random name outside of anything that is served, and go out only as a download of unknown type.
What is not a PDF, PNG or JPEG by its first bytes is refused, so that nobody is handed a web page by way of us.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.ids import is_id, new_id
from app.payments import rows, tables
from app.payments.lifecycle import CREDITED, State
from app.payments.orders import MANUAL

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_FILES: Final = 5
LONGEST_NAME: Final = 100
MAGIC: Final = {b"%PDF-": ".pdf", b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}
_ODD = re.compile(r"[^\w .()+@-]")


@dataclass(frozen=True, slots=True)
class ProofFile:
    """`name` is what the customer called it, made harmless."""

    id: str
    order_id: str
    name: str
    size_bytes: int
    uploaded_by: str
    created_at: datetime


class Proofs:
    """Everything under `folder`, by id."""

    def __init__(self, db: Database, clock: Clock, folder: Path) -> None:
        self._db, self._clock, self._folder = db, clock, folder

    def keep(self, order_id: str, name: str, content: bytes, *, workspace_id: str, actor: str) -> ProofFile:
        """Store a proof for an order of this workspace that waits for a transfer."""
        kind = next((suffix for start, suffix in MAGIC.items() if content.startswith(start)), None)
        if kind is None:
            raise InvalidInput("Please send a PDF, PNG or JPEG file.", param="file", code="proof_type")
        if len(content) > MOST_BYTES:
            raise InvalidInput(
                f"The file is larger than {MOST_BYTES // 1024 // 1024} MB.", param="file", code="proof_too_large"
            )
        proof_id = new_id("prf")
        self._write(proof_id, content)
        try:
            return self._insert(proof_id, order_id, _harmless(name, kind), content, workspace_id, actor)
        except Exception:
            self._path(proof_id).unlink(missing_ok=True)
            raise

    def of_order(self, order_id: str) -> list[ProofFile]:
        kept = tables.order_proof
        query = select(kept).where(kept.c.order_id == order_id).order_by(kept.c.created_at, kept.c.id)
        with self._db.read() as connection:
            return [
                ProofFile(row.id, row.order_id, row.name, row.size_bytes, row.uploaded_by, row.created_at)
                for row in connection.execute(query)
            ]

    def open(self, proof_id: str, *, workspace_id: str | None) -> tuple[ProofFile, Path]:
        """A proof and where its bytes are; only of this workspace, unless an operator (None) asks."""
        kept = tables.order_proof
        row = None
        if is_id(proof_id, "prf"):
            with self._db.read() as connection:
                row = connection.execute(
                    select(kept, tables.payment_order.c.workspace_id)
                    .join(tables.payment_order, tables.payment_order.c.id == kept.c.order_id)
                    .where(kept.c.id == proof_id)
                ).one_or_none()
        if row is None or (workspace_id is not None and row.workspace_id != workspace_id):
            raise NotFound("There is no such file.", code="proof_not_found")
        path = self._path(proof_id)
        if not path.is_file():
            raise NotFound("The content of this file is no longer here.", code="proof_gone")
        return ProofFile(row.id, row.order_id, row.name, row.size_bytes, row.uploaded_by, row.created_at), path

    def _insert(
        self, proof_id: str, order_id: str, name: str, content: bytes, workspace_id: str, actor: str
    ) -> ProofFile:
        kept, now = tables.order_proof, self._clock()
        with self._db.write() as connection:
            order = rows.find(connection, order_id)
            if order.workspace_id != workspace_id or order.provider != MANUAL:
                raise rows.no_order(order_id)
            if order.state == State.REJECTED or order.state in CREDITED:
                raise Conflict(f"This order is {order.state}: it waits for no payment.", code="wrong_state")
            one_by_one = select(tables.payment_order.c.id).where(tables.payment_order.c.id == order_id)
            connection.execute(one_by_one.with_for_update())  # files that come together are counted all the same
            count = select(func.count()).where(kept.c.order_id == order_id)
            if int(connection.execute(count).scalar_one()) >= MOST_FILES:
                raise Conflict(f"An order has {MOST_FILES} files at the most.", code="too_many_proofs")
            connection.execute(
                insert(kept).values(
                    id=proof_id,
                    order_id=order_id,
                    name=name,
                    size_bytes=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    uploaded_by=actor,
                    created_at=now,
                )
            )
            rows.note(connection, order_id, "proof_uploaded", now, actor=actor, name=name)
        return ProofFile(proof_id, order_id, name, len(content), actor, now)

    def _write(self, proof_id: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path(proof_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())

    def _path(self, proof_id: str) -> Path:
        """The id is ours and holds no separator: nothing of the customer's goes into a path."""
        return self._folder / proof_id


def _harmless(name: str, suffix: str) -> str:
    """The last part of what it was called, with nothing in it that a header or a disk could take otherwise."""
    last = name.replace("\\", "/").rpartition("/")[2]
    tidy = _ODD.sub("_", " ".join(last.split())).strip(". ")
    stem = tidy.rpartition(".")[0] or tidy or "proof"
    return stem[: LONGEST_NAME - len(suffix)] + suffix
