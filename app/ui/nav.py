"""The pages in the sidebar, the palette and the keyboard list: one line each, and only pages that exist."""

from dataclasses import dataclass

from app.ui.roles import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """`key` names it in [shell.nav]; `letter` opens it after G; `in_bar` puts it into a phone's bottom bar."""

    key: str
    href: str
    icon: str
    group: str = ""  # a key of [shell.group]; entries without one stand first
    letter: str = ""
    in_bar: bool = False


CUSTOMER = (
    Entry("playground", "/playground", "sparkles", "create", "p", in_bar=True),
    Entry("models", "/models", "box", "create", "m"),
    Entry("gallery", "/gallery", "images", "create", "g", in_bar=True),
    Entry("balance", "/balance", "wallet", "money", "b", in_bar=True),
    Entry("plan", "/plan", "layers", "money", "n"),
    Entry("usage", "/usage", "chart-column", "money", "y"),
    Entry("top_up", "/top-up", "ticket-plus", "money", "u"),
    Entry("invoices", "/invoices", "receipt-text", "money", "i"),
    Entry("keys", "/keys", "key-round", "build", "k"),
    Entry("logs", "/logs", "scroll-text", "build", "l", in_bar=True),
    Entry("webhooks", "/webhooks", "webhook", "build", "h"),
    Entry("team", "/team", "users", "workspace", "t"),
)
OPERATOR = (
    Entry("today", "/admin", "gauge", "", "t", in_bar=True),
    Entry("admin_models", "/admin/models", "box", "catalogue", "m", in_bar=True),
    Entry("plans", "/admin/plans", "layers", "catalogue", "p"),
    Entry("providers", "/admin/providers", "plug", "catalogue", "r", in_bar=True),
    Entry("routing", "/admin/routing", "route", "catalogue", "w"),
    Entry("customers", "/admin/customers", "building-2", "customers", "c", in_bar=True),
    Entry("subscriptions", "/admin/subscriptions", "repeat", "customers", "u"),
    Entry("orders", "/admin/orders", "clipboard-check", "customers", "o"),
    Entry("packages", "/admin/packages", "package", "customers", "a"),
    Entry("all_usage", "/admin/usage", "chart-column", "money", "y"),
    Entry("all_invoices", "/admin/invoices", "receipt-text", "money", "i"),
    Entry("reconcile", "/admin/reconcile", "scale", "money", "x"),
    Entry("billing_keys", "/admin/billing-keys", "key-square", "system", "k"),
    Entry("mirror", "/admin/mirror", "flip-horizontal", "system", "f"),
    Entry("mail", "/admin/mail", "mail", "system", "e"),
    Entry("settings", "/admin/settings", "sliders-horizontal", "system", "s"),
)


def entries_of(area: Role) -> tuple[Entry, ...]:
    """The sidebar of the operator's side, or of a customer's."""
    return OPERATOR if area is Role.OPERATOR else CUSTOMER


def groups_of(area: Role) -> list[tuple[str, list[Entry]]]:
    """The entries by group, in order of appearance."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries_of(area):
        groups.setdefault(entry.group, []).append(entry)
    return list(groups.items())
