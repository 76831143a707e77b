"""The customer's files: a card that says how long they are kept, and the dialog that changes it."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, decision, dialog, field, notice, panel, text_input, var
from app.ui.pages.admin_customers.files_state import DAYS, UPLOADS, CustomerFilesState

FILES = var(CustomerFilesState)


def files_card() -> rx.Component:
    return panel(
        t("admin_customers.files.title"),
        rx.el.p(t("admin_customers.files.kept"), " ", FILES.summary, class_name="fb-medium"),
        rx.el.p(FILES.used, class_name="fb-small fb-num"),
        detail=t("admin_customers.files.detail"),
        actions=[
            button(
                t("admin_customers.files.change"),
                icon_name="hard-drive",
                size="small",
                on_click=FILES.begin,
                custom_attrs={"data-testid": "change-files"},
            )
        ],
        custom_attrs={"data-testid": "customer-files"},
    )


def files_dialog() -> rx.Component:
    return dialog(
        rx.el.form(
            _figure(DAYS, t("admin_customers.files.keep_for"), t("admin_customers.files.days")),
            _figure(UPLOADS, t("admin_customers.files.uploads"), "MB"),
            class_name="fb-limits-form",
            on_submit=FILES.save,
        ),
        rx.cond(FILES.warning != "", notice(FILES.warning, tone="thin")),
        title=t("admin_customers.files.dialog"),
        detail=t("admin_customers.files.words"),
        footer=decision(
            rx.cond(FILES.warning != "", t("admin_customers.limits.anyway"), t("admin_customers.files.submit")),
            FILES.save,
            test_id="save-files",
        ),
        is_open=FILES.open,
        on_open_change=FILES.opened,
    )


def _figure(name: str, label: str, unit: str) -> rx.Component:
    return field(
        label,
        text_input(
            id=f"files-{name}",
            default_value=FILES.form[name],
            on_change=lambda text: FILES.write(name, text),
            input_mode="numeric",
            auto_complete="off",
            after=unit,
        ),
        hint=t("admin_customers.files.usual") + " " + FILES.usual[name],
        error=FILES.errors[name],
        for_id=f"files-{name}",
    )
