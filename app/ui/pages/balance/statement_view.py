"""The dialog that hands out the account statement."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    dialog,
    fare_slip,
    field,
    field_error,
    link_button,
    slip_line,
    typed_input,
    var,
)
from app.ui.pages.balance.statement_state import StatementState

STATEMENT = var(StatementState)


def statement_dialog() -> rx.Component:
    return dialog(
        rx.el.div(
            field(
                t("balance.statement.first"),
                typed_input(value=STATEMENT.first, on_change=STATEMENT.choose_first, id="statement-first", kind="date"),
                for_id="statement-first",
            ),
            field(
                t("balance.statement.last"),
                typed_input(value=STATEMENT.last, on_change=STATEMENT.choose_last, id="statement-last", kind="date"),
                hint=t("balance.statement.last_hint"),
                for_id="statement-last",
            ),
            class_name="fb-statement-days",
        ),
        field_error(STATEMENT.error),
        fare_slip(
            slip_line(t("balance.statement.opening"), STATEMENT.opening),
            below=[slip_line(t("balance.statement.closing"), STATEMENT.closing)],
        ),
        title=t("balance.statement.title"),
        detail=t("balance.statement.detail"),
        trigger=button(t("balance.statement.open"), icon_name="file-text"),
        on_open_change=STATEMENT.opened,
        footer=[
            rx.cond(
                STATEMENT.csv != "",
                link_button(
                    t("balance.statement.download"),
                    href=STATEMENT.csv,
                    native=True,
                    download=True,
                    kind="solid",
                    icon_name="download",
                    custom_attrs={"data-testid": "statement-csv"},
                ),
            )
        ],
    )
