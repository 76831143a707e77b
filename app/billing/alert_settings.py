"""Alerts that an integrator set on something of theirs, and the log of what they said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from app.billing import wallets
from app.billing.wallet_tables import alert_log, alert_setting
from app.billing.wallets import House
from app.kernel.given import Given
from app.plans.search import Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Shelf

Record = Mapping[str, Any]
#: What is really watched.
ENTITIES: Final = ("wallet",)
shelf = Shelf(alert_setting, "alert", "alert setting")


def create(connection: Connection, given: Given, house: House, *, actor: str, now: datetime) -> Record:
    """A new setting. One on a wallet is the wallet's own, and replaces what that had."""
    entity_type, entity_id = given.choice("entity_type", ENTITIES), given.text("entity_id")
    config = _config(given)
    if entity_type == "wallet":
        _on_wallet(connection, entity_id, config, house, actor, now)
    values = {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "parent_entity_type": given.maybe_choice("parent_entity_type", ENTITIES),
        "parent_entity_id": given.maybe("parent_entity_id"),
        "config": config,
        "enabled": config["alert_enabled"],
        "alert_state": "ok",
    }
    return shelf.add(connection, values, actor=actor, now=now)


def change(connection: Connection, setting_id: str, given: Given, house: House, *, actor: str, now: datetime) -> Record:
    """New thresholds, or on and off."""
    known, config = shelf.get(connection, setting_id), _config(given)
    if known["entity_type"] == "wallet":
        _on_wallet(connection, str(known["entity_id"]), config, house, actor, now)
    values = {"config": config, "enabled": config["alert_enabled"]}
    return shelf.change(connection, setting_id, values, actor=actor, now=now)


def delete(connection: Connection, setting_id: str, house: House, *, actor: str, now: datetime) -> None:
    """Take it off, and the alert with it."""
    known = shelf.get(connection, setting_id)
    shelf.remove(connection, setting_id, actor=actor, now=now)
    if known["entity_type"] == "wallet":
        off = {**known["config"], "alert_enabled": False}
        _on_wallet(connection, str(known["entity_id"]), off, house, actor, now)


def search(connection: Connection, given: Given) -> Page:
    columns = alert_setting.c
    wanted = [
        *chosen(columns.entity_id, given, "entity_id"),
        *chosen(columns.entity_id, given, "entity_ids"),
        *chosen(columns.entity_type, given, "entity_type"),
        *chosen(columns.parent_entity_id, given, "parent_entity_id"),
        *chosen(columns.parent_entity_id, given, "parent_entity_ids"),
        *chosen(columns.parent_entity_type, given, "parent_entity_type"),
    ]
    if given.has("enabled"):
        wanted.append(columns.enabled == given.flag("enabled"))
    return page_of(connection, alert_setting, given, *wanted)


def search_log(connection: Connection, given: Given) -> Page:
    """What alerts said, newest first."""
    columns = alert_log.c
    names = ("entity_id", "entity_type", "customer_id", "alert_type", "alert_status")
    wanted = [condition for name in names for condition in chosen(columns[name], given, name)]
    asked = Given({name: value for name, value in given.raw.items() if name != "status"})
    return page_of(connection, alert_log, asked, *wanted)


def _config(given: Given) -> dict[str, Any]:
    config = wallets.alerts_of(given, "config")
    if config is None:
        raise given.wrong("config", "is missing.")
    return config


def _on_wallet(
    connection: Connection, wallet_id: str, config: Mapping[str, Any], house: House, actor: str, now: datetime
) -> None:
    row = wallets.keep(connection, wallets.get(connection, wallet_id, house))
    wallets.shelf.change(connection, str(row["id"]), {"alert_settings": dict(config)}, actor=actor, now=now)
