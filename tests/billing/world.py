"""A small billing world in one database: a seller, customers, a meter, plans with prices, events at any time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count
from typing import Any

from sqlalchemy import Row, insert, select

from app.billing import agreeing, closing, invoices, subscriptions, wallet_moves, wallets
from app.billing.paying_in_credits import NO_HOUSE
from app.billing.service import close_due, finalize_due
from app.invoicing.parties import Address, Seller
from app.invoicing.seller import Sellers
from app.kernel.db import Database
from app.kernel.given import Given
from app.metering.apart import Apart
from app.metering.events import read_event
from app.metering.ingest import Ingest
from app.metering.tables import MeterRow
from app.plans import customers, price_book, tables

APART = Apart(frozenset({"image_count", "video_seconds", "duration_seconds", "input_tokens"}))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class World:
    """`now` is moved by the tests."""

    db: Database
    now: datetime = field(default_factory=lambda: at("2026-04-01"))
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        address = Address("Hauptstraße 1", "Berlin", "DE", postcode="10115")
        seller = Seller("", 0, "Example GmbH", address, vat_id="DE136695976", series_prefix="EX")
        Sellers(self.db, self.clock).save(seller, author="test", make_default=True)
        self.ingest = Ingest(self.db, self.clock)
        self.meter("images", "image.generated", fields=["image_count"], counts_one=True)
        self.meter("seconds", "video.generated", fields=["video_seconds", "duration_seconds"])

    def clock(self) -> datetime:
        return self.now

    def meter(self, name: str, event_name: str, **more: Any) -> None:
        row = {
            "id": f"meter_{name}", "name": name, "event_name": event_name, "aggregation": "SUM", "fields": [],
            "counts_one": False, "multiplier": "1", "filters": {}, "reset_usage": "BILLING_PERIOD", "enabled": True,
            "created_at": self.now, "updated_at": self.now, **more,
        }  # fmt: skip
        with self.db.write() as connection:
            connection.execute(insert(MeterRow), [row])

    def customer(self, name: str, **more: Any) -> str:
        with self.db.write() as connection:
            return customers.create(
                connection, Given({"external_id": name, "name": name, **more}), actor="test", now=self.now
            ).id

    def plan(self, name: str, *prices: dict[str, Any]) -> str:
        """A plan with these prices; each is a price as the wire has it, with sensible defaults."""
        plan_id = f"plan_{name}"
        with self.db.write() as connection:
            connection.execute(
                insert(tables.plan).values(
                    id=plan_id, name=name, metadata={}, status="published", created_by="test", updated_by="test",
                    created_at=self.now, updated_at=self.now,
                )
            )  # fmt: skip
            for price in prices:
                price_book.create(connection, Given(full(plan_id, price)), actor="test", now=self.now)
        return plan_id

    def addon(self, name: str, *prices: dict[str, Any]) -> str:
        """As `plan`, for an addon."""
        addon_id = f"addon_{name}"
        with self.db.write() as connection:
            connection.execute(
                insert(tables.addon).values(
                    id=addon_id, name=name, lookup_key=name, metadata={}, status="published", created_by="test",
                    updated_by="test", created_at=self.now, updated_at=self.now,
                )
            )  # fmt: skip
            for price in prices:
                given = {**full(addon_id, price), "entity_type": "ADDON"}
                price_book.create(connection, Given(given), actor="test", now=self.now)
        return addon_id

    def entitle(
        self, plan_id: str, meter: str, limit: int | None, reset: str | None = None, kind: str = "PLAN"
    ) -> None:
        row = {
            "id": f"feat_{next(self.numbers)}", "metadata": {}, "status": "published", "created_by": "test",
            "updated_by": "test", "created_at": self.now, "updated_at": self.now,
        }  # fmt: skip
        with self.db.write() as connection:
            connection.execute(
                insert(tables.feature).values(name=meter, type="metered", meter_id=f"meter_{meter}", **row)
            )
            connection.execute(
                insert(tables.entitlement).values(
                    **{**row, "id": f"ent_{next(self.numbers)}"}, entity_type=kind, entity_id=plan_id,
                    feature_id=row["id"], feature_type="metered", is_enabled=True, usage_limit=limit,
                    usage_reset_period=reset, is_soft_limit=True,
                )
            )  # fmt: skip

    def coupon(self, code: str, **more: Any) -> None:
        row = {
            "id": f"coupon_{code}", "name": code, "coupon_code": code, "type": "percentage", "cadence": "forever",
            "total_redemptions": 0, "metadata": {}, "status": "published", "created_by": "test", "updated_by": "test",
            "created_at": self.now, "updated_at": self.now, **more,
        }  # fmt: skip
        with self.db.write() as connection:
            connection.execute(insert(tables.coupon).values(**row))

    def tax(self, percent: str) -> None:
        """A rate for everybody."""
        row = {
            "metadata": {}, "status": "published", "created_by": "test", "updated_by": "test", "created_at": self.now,
            "updated_at": self.now,
        }  # fmt: skip
        with self.db.write() as connection:
            connection.execute(
                insert(tables.tax_rate).values(
                    id="taxrate_1", code="vat", name="VAT", percentage_value=percent, scope="EXTERNAL",
                    tax_rate_status="ACTIVE", **row,
                )
            )  # fmt: skip
            connection.execute(
                insert(tables.tax_association).values(
                    id="ta_1", tax_rate_id="taxrate_1", entity_type="tenant", entity_id="", priority=0, auto_apply=True,
                    **row,
                )
            )  # fmt: skip

    def subscribe(self, customer_id: str, plan_id: str, **more: Any) -> str:
        given = {
            "customer_id": customer_id, "plan_id": plan_id, "currency": "usd", "billing_period": "MONTHLY", **more,
        }  # fmt: skip
        with self.db.write() as connection:
            wanted = agreeing.read(connection, Given(given), self.now)
            made = subscriptions.create(connection, wanted, actor="test", now=self.now)
            closing.begin(connection, made, actor="test", now=self.now)
        return made

    def wallet(self, customer_id: str, credits_: int) -> str:
        """A wallet of dollars with so many in it."""
        wish = {"customer_id": customer_id, "currency": "USD", "name": "Wallet"}
        with self.db.write() as connection:
            row = wallets.create(connection, Given(wish), actor="test", now=self.now)
            memo = {"transaction_reason": "FREE_CREDIT_GRANT"}
            wallet_moves.credit(
                connection, row, Fraction(credits_), ref="start", memo=memo, actor="test", clock=self.clock
            )
        return str(row["id"])

    def credits(self, wallet_id: str) -> int:
        with self.db.read() as connection:
            row = wallets.get(connection, wallet_id, NO_HOUSE)
            return int(wallets.credits_of(connection, row).balance.amount)

    def event(self, customer: str, name: str, when: str, **properties: Any) -> str:
        event_id = f"event_{next(self.numbers)}"
        given = {
            "event_id": event_id, "event_name": name, "external_customer_id": customer,
            "timestamp": at(when).isoformat(), "properties": properties,
        }  # fmt: skip
        self.ingest.accept([read_event(given, self.now, event_id, APART)])
        return event_id

    def turn(self) -> None:
        """What the chore does: close every period that is over, finalise every draft that has waited."""
        close_due(self.db, self.now)
        finalize_due(self.db, self.now)

    def subscription(self, subscription_id: str) -> Row[Any]:
        with self.db.read() as connection:
            return subscriptions.find(connection, subscription_id)

    def invoices(self, subscription_id: str) -> list[Row[Any]]:
        table = invoices.INVOICE
        query = select(table).where(table.c.subscription_id == subscription_id)
        with self.db.read() as connection:
            return list(connection.execute(query.order_by(table.c.created_at, table.c.period_start, table.c.id)))

    def lines(self, invoice: Row[Any]) -> list[Row[Any]]:
        with self.db.read() as connection:
            return invoices.lines_of(connection, invoice.id)


def full(plan_id: str, price: dict[str, Any]) -> dict[str, Any]:
    usage = price.get("type", "USAGE") == "USAGE"
    return {
        "entity_type": "PLAN", "entity_id": plan_id, "currency": "usd", "type": "USAGE", "billing_model": "FLAT_FEE",
        "price_unit_type": "FIAT", "billing_period": "MONTHLY", "invoice_cadence": "ARREAR" if usage else "ADVANCE",
        **({"meter_id": "meter_images"} if usage else {}), **price,
    }  # fmt: skip
